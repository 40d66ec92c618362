"""The whole model of a task: answers as in training and evaluation, hashes checked."""

import shutil

import numpy as np
import pytest

from components.encoders.config import EncoderConfig
from components.evaluation.arms import answer_as
from components.histories.record import Record
from components.serving.persona_model import PersonaModel, ServingRecipe
from components.user_embedder.embedder_folder import EmbedderFolder
from tests.components.tiny_models import write_sentence_encoder
from tests.components.tiny_world import LLM, TASK


@pytest.fixture(scope="module")
def plug_in(trained):
    return trained.arm("persona")


def make_spec(plug_in, llm, **changes):
    spec = ServingRecipe(task=TASK, llm=LLM).specify(plug_in, llm)
    return spec.model_copy(update=changes)


@pytest.fixture(scope="module")
def model(plug_in, artifacts):
    return PersonaModel(make_spec(plug_in, artifacts.llm), plug_in, artifacts.llm)


def test_items_are_encoded_as_in_training(model, artifacts):
    items = artifacts.histories.items[:5]
    given = [
        {"description": text, "tag": tag}
        for text, tag in zip(items["input"], items["output"], strict=True)
    ]
    stored = artifacts.vectors.open()[:5]
    np.testing.assert_allclose(model.encode_items(given), stored, atol=2e-3)
    assert model.encode_items([]).shape == (0, stored.shape[1])


def test_it_answers_as_in_the_evaluation(model, exam, plug_in):
    rows = exam.question_rows()
    examples = exam.examples(rows)
    [evaluated] = answer_as(exam, plug_in, True, [examples])
    served = model.answer([e.payload for e in examples], [e.history for e in examples])
    assert served == evaluated
    assert set(served) <= set(TASK.labels)
    assert len(set(served)) > 2


def test_a_user_without_history_is_served(model, artifacts):
    nothing = artifacts.vectors.open()[:0]
    some = artifacts.vectors.open()[:3]
    [answer] = model.answer(["a tale of time travel"], [nothing])
    assert answer in TASK.labels
    assert model.answer(["a book", "a tale of time travel"], [some, nothing])[1] == answer
    assert model.answer([], []) == []


def test_only_the_newest_items_are_read(model, artifacts):
    history = artifacts.vectors.open()[:8]
    newest = model.card.embedder.max_history_items
    [whole] = model.answer(["a book"], [history])
    assert newest == 4
    assert model.answer(["a book"], [history[-newest:]]) == [whole]


def test_a_missing_field_is_named(model):
    with pytest.raises(ValueError, match="history item 1, field 'tag': is missing"):
        model.encode_items([{"description": "a", "tag": "b"}, {"description": "a"}])


def test_a_number_is_read_as_in_the_histories(model):
    """A source's 5 may be 5.0 by the time it is served: pandas makes it so beside a gap."""
    made, given = (
        Record("an item", {"tag": "a", "description": number}).text("description")
        for number in (5, 5.0)
    )
    assert made == given == "5"
    one, *others = model.encode_items(
        [{"tag": "a", "description": text} for text in ("5", 5, 5.0, "5.0")]
    )
    assert [np.array_equal(one, other) for other in others] == [True, True, False]


def test_other_weights_than_the_registered_ones_are_refused(plug_in, artifacts):
    for field, what in (("plug_in_hash", "the user embedder"), ("llm_hash", "the LLM")):
        spec = make_spec(plug_in, artifacts.llm, **{field: "0" * 64})
        with pytest.raises(ValueError, match=f"{what} has hash .*, but 0+ was registered"):
            PersonaModel(spec, plug_in, artifacts.llm)


def test_another_encoder_or_history_template_is_refused(plug_in, artifacts, tmp_path):
    reworded = TASK.model_copy(update={"history_template": "{tag}: {description}"})
    spec = make_spec(plug_in, artifacts.llm, task=reworded)
    with pytest.raises(ValueError, match="the history encoder has hash"):
        PersonaModel(spec, plug_in, artifacts.llm)
    shutil.copytree(plug_in.path, tmp_path / "plug_in")
    encoder = EncoderConfig(name=str(write_sentence_encoder(tmp_path / "other", seed=1)))
    card = plug_in.card().model_copy(update={"encoder": encoder})
    (tmp_path / "plug_in" / "user_embedder.json").write_text(card.model_dump_json())
    other = EmbedderFolder.at(tmp_path / "plug_in")
    with pytest.raises(ValueError, match="the history encoder has hash"):
        PersonaModel(make_spec(other, artifacts.llm), other, artifacts.llm)
