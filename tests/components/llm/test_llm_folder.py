"""An LLM that was written answers as before."""

from pathlib import Path

import pytest
import torch
from huggingface_hub import constants

from components.folder import hash_file
from components.llm.answering import answer_prompts, build_answer_rule
from components.llm.config import LLMConfig
from components.llm.frozen_llm import SoftPrompt, collate_prompts
from components.llm.llm_folder import LLMSource, write_llm_folder
from components.tasks.lamp import LAMP_2, LAMP_4
from tests.components.tiny_models import KINDS, WIDTH, make_llm, make_t5

SOURCE = LLMSource("tiny", None, "settings")


@pytest.mark.parametrize("kind", KINDS)
def test_a_written_llm_is_the_same_after_loading(kind, encoder_folder, tmp_path):
    llm = make_llm(kind, encoder_folder)
    curve = [{"step": 1, "loss": 2.0}]
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    folder = write_llm_folder(tmp_path / "one", SOURCE, llm, curve)
    again = write_llm_folder(tmp_path / "two", SOURCE, llm, curve)
    assert again.content_hash() == folder.content_hash()
    assert folder.has_weights
    assert folder.describe() == {
        "name": "tiny",
        "revision": None,
        "settings_hash": "settings",
        "curve": curve,
    }
    assert folder.weights_sha256() == hash_file(folder.path / "weights" / "model.safetensors")
    asked = {} if llm.chat_options is None else {"use_chat_template": True}
    config = LLMConfig(name="org/llm", **asked, chat_options=llm.chat_options or {})
    loaded = folder.load(config)
    assert loaded.is_encoder_decoder == llm.is_encoder_decoder
    kept = llm.model.state_dict()
    assert all(torch.equal(kept[name], found) for name, found in loaded.model.state_dict().items())
    prompts = ["a tale of time", "book"]
    before, after = (collate_prompts(one, prompts, None, 32) for one in (llm, loaded))
    assert all(torch.equal(before[name], after[name]) for name in before)
    soft = SoftPrompt(torch.randn(2, 2, WIDTH), torch.ones(2, 2))
    for task in (LAMP_2, LAMP_4):
        rule = build_answer_rule(llm, task, LLMConfig(num_beams=2))
        assert build_answer_rule(loaded, task, LLMConfig(num_beams=2)) == rule
        answers = answer_prompts(llm, soft, before, rule)
        assert answer_prompts(loaded, soft, after, rule) == answers


def test_a_hub_llm_is_a_name_and_a_commit(tmp_path):
    folder = write_llm_folder(tmp_path, LLMSource("org/llm", "abc", "settings"), None, [])
    assert not folder.has_weights
    assert [path.name for path in folder.files()] == ["llm.json"]


def test_a_hub_llm_is_known_by_the_weights_that_were_loaded(tmp_path):
    """Its folder's content hash is that of a name; the hub's cache is filled here by hand."""
    commit = "5" * 40
    snapshot = Path(constants.HF_HUB_CACHE) / "models--org--known" / "snapshots" / commit
    llm = make_t5()
    llm.model.save_pretrained(snapshot)
    llm.tokenizer.save_pretrained(snapshot)
    folder = write_llm_folder(tmp_path, LLMSource("org/known", commit, "settings"), None, [])
    assert folder.load().is_encoder_decoder
    assert folder.weights_sha256() == hash_file(snapshot / "model.safetensors")
