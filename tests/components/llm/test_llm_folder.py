"""An LLM that was written answers as before."""

import pytest
import torch

from components.llm.frozen_llm import (
    SoftPrompt,
    build_answer_rule,
    collate_prompts,
    generate_answers,
)
from components.llm.llm_folder import LLMSource, write_llm_folder
from tests.components.tiny_models import KINDS, WIDTH, make_llm

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
    loaded = folder.load()
    assert loaded.is_encoder_decoder == llm.is_encoder_decoder
    kept = llm.model.state_dict()
    assert all(torch.equal(kept[name], found) for name, found in loaded.model.state_dict().items())
    prompts = ["a tale of time", "book"]
    before, after = (collate_prompts(one, prompts, None, 32) for one in (llm, loaded))
    assert all(torch.equal(before[name], after[name]) for name in before)
    soft = SoftPrompt(torch.randn(2, 2, WIDTH), torch.ones(2, 2))
    for labels in ((), ("sci-fi", "action")):
        rule = build_answer_rule(llm, labels, 5, 2)
        assert build_answer_rule(loaded, labels, 5, 2) == rule
        answers = generate_answers(llm, soft, before, rule)
        assert generate_answers(loaded, soft, after, rule) == answers


def test_a_hub_llm_is_a_name_and_a_commit(tmp_path):
    folder = write_llm_folder(tmp_path, LLMSource("org/llm", "abc", "settings"), None, [])
    assert not folder.has_weights
    assert [path.name for path in folder.files()] == ["llm.json"]
