"""Which users tune the LLM, and what a prepared LLM is."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from components.encoders.sentence_encoder import resolve_encoder
from components.folder import hash_file
from components.llm.config import LLMConfig
from components.llm.llm_folder import LLMSource, write_llm_folder
from components.llm.prepare import (
    LLMRecipe,
    is_tuning_user,
    prepare_llm,
    resolve_llm,
    split_train_rows,
)
from components.llm.prompt_layout import lay_out_chat
from tests.components.tiny_models import make_chat_tokenizer, make_t5
from tests.components.tiny_world import LLM, TASK


def test_a_users_half_hangs_on_the_id_alone():
    users = [f"train-{number:05d}" for number in range(4000)]
    halves = [is_tuning_user(user, 0.5) for user in users]
    assert np.mean(halves) == pytest.approx(0.5, abs=0.03)
    assert np.mean([is_tuning_user(user, 0.2) for user in users]) == pytest.approx(0.2, abs=0.03)
    # Worked out beforehand: a change would mix the halves of models that exist.
    assert "".join("le"[not half] for half in halves[:16]) == PINNED
    # A larger share only adds users.
    assert all(is_tuning_user(user, 0.6) for user, half in zip(users, halves, strict=True) if half)


PINNED = "eleleeeeelleeele"


def test_no_user_tunes_the_llm_and_trains_the_embedder(artifacts):
    questions = artifacts.histories.questions
    tuning, training = split_train_rows(questions, LLM)
    splits, users = np.asarray(questions["split"]), np.asarray(questions["user_id"])
    assert set(tuning) | set(training) == set(np.flatnonzero(splits == "train"))
    assert len(tuning) and len(training)
    assert not set(users[tuning]) & set(users[training])
    evaluated = set(np.flatnonzero(splits != "train"))
    assert evaluated
    assert not evaluated & (set(tuning) | set(training))


def test_a_ready_llm_leaves_all_train_questions_to_the_embedder(artifacts):
    questions = artifacts.histories.questions
    tuning, training = split_train_rows(questions, LLMConfig(name="org/llm", revision="abc"))
    assert len(tuning) == 0
    assert set(training) == set(np.flatnonzero(np.asarray(questions["split"]) == "train"))


@pytest.fixture
def make(world, tmp_path):
    artifacts, encoder = world

    def prepare(name, llm=LLM, seed=0, **encoder_changes):
        (tmp_path / name).mkdir()
        changed = encoder.model_copy(update=encoder_changes)
        recipe = LLMRecipe(task=TASK, llm=llm, encoder=changed, seed=seed)
        return prepare_llm(artifacts.histories, recipe, tmp_path / name)

    return prepare


def test_the_same_seed_tunes_the_same_llm_and_shows_how(make, world):
    folder = make("one")
    assert make("same").content_hash() == folder.content_hash()
    assert make("other", seed=1).content_hash() != folder.content_hash()
    assert folder.describe()["revision"] == resolve_encoder(world[1]).revision  # it started there
    curve = folder.describe()["curve"]
    assert {"loss", "dev_loss"} <= {name for point in curve for name in point}
    assert folder.load().is_encoder_decoder


def test_the_frozen_encoders_precision_does_not_touch_what_is_tuned(make):
    weights = make("bfloat16", precision="bfloat16").path / "weights" / "model.safetensors"
    assert {weight.dtype for weight in load_file(weights).values()} == {torch.float32}
    assert hash_file(weights) == hash_file(make("float32").path / "weights" / "model.safetensors")


def test_a_hub_llm_needs_a_commit(make):
    with pytest.raises(ValueError, match=r"llm\.revision.*'org/llm' needs a commit"):
        make("none", LLMConfig(name="org/llm"))
    folder = make("commit", LLMConfig(name="org/llm", revision="abc"))
    assert (folder.describe()["name"], folder.describe()["revision"]) == ("org/llm", "abc")
    assert not folder.has_weights


@pytest.fixture
def local(tmp_path):
    (tmp_path / "source").mkdir()
    source = write_llm_folder(tmp_path / "source", LLMSource("t5", None, ""), make_t5(), [])
    return LLMConfig(name=str(source.path / "weights"))


def test_a_local_llm_is_copied(make, local):
    folder = make("copy", local)
    assert folder.has_weights
    assert folder.load().is_encoder_decoder


def test_a_local_llm_is_resolved_to_its_content_and_stays_that(make, local):
    resolved = resolve_llm(local)
    assert resolve_llm(resolved) == resolved
    assert make("resolved", resolved).describe()["revision"] == resolved.revision
    assert make("as it is", local).describe()["revision"] == resolved.revision
    make_t5(seed=1).model.save_pretrained(local.name)
    assert resolve_llm(local).revision not in (None, resolved.revision)
    with pytest.raises(ValueError, match=rf"llm\.revision is {resolved.revision}, but .* has"):
        make("changed", resolved)


def test_an_llm_that_is_asked_by_a_template_has_one(make, local):
    asked = local.model_copy(update={"use_chat_template": True})
    with pytest.raises(ValueError, match=r"llm\.use_chat_template: the tokenizer of .* has no tem"):
        make("none", asked)
    make_chat_tokenizer().save_pretrained(local.name)
    folder = make("some", asked)
    layout = folder.load(asked).layout
    assert layout == lay_out_chat(make_chat_tokenizer(), {})
    opening = asked.model_copy(update={"chat_options": {"opening": "so"}})
    assert len(folder.load(opening).layout.tail) == len(layout.tail) + 2
    assert folder.load().layout.front == ()
    with pytest.raises(ValidationError, match="a warm_start LLM has no chat template"):
        LLMConfig(use_chat_template=True)


def test_a_causal_warm_start_is_a_decoder(make):
    causal = LLM.warm_start.model_copy(update={"kind": "causal"})
    folder = make("causal", LLM.model_copy(update={"warm_start": causal}))
    assert not folder.load().is_encoder_decoder
    curve = folder.describe()["curve"]
    assert {"loss", "dev_loss"} <= {name for point in curve for name in point}


def test_only_a_local_llm_is_resolved():
    for config in (LLMConfig(), LLMConfig(name="org/llm", revision="abc"), LLMConfig(name="/no")):
        assert resolve_llm(config) == config


def test_settings_that_make_another_llm_have_another_hash(world):
    def settings_hash(seed=0, **changes):
        llm = LLM.model_copy(update=changes)
        return LLMRecipe(task=TASK, llm=llm, encoder=world[1], seed=seed).settings_hash()

    deeper = LLM.warm_start.model_copy(update={"num_decoder_layers": 2})
    others = [
        settings_hash(reads="input"),
        settings_hash(warm_start=deeper),
        settings_hash(warm_start=LLM.warm_start.model_copy(update={"kind": "causal"})),
        settings_hash(max_input_length=32),
        settings_hash(name="org/llm", revision="abc"),
        settings_hash(name="org/llm", revision="abd"),
    ]
    assert len({settings_hash(), *others}) == 7
    # How it is asked, the seed and the data may change, and a retraining still keeps it.
    assert settings_hash(seed=1, num_beams=4, max_new_tokens=3) == settings_hash()
