"""Which LLM a run takes: the champion's, or one of its own."""

from pathlib import Path

import pytest

from components.encoders.config import EncoderConfig
from components.histories.tables import Histories
from components.llm.config import LLMConfig
from components.llm.prepare import LLMRecipe
from components.promotion.registry_records import Incumbent, Incumbents
from components.tasks.lamp import LAMP_2
from steps import prepare_llm as module
from steps.prepare_llm import prepare_llm

HUB = LLMConfig(name="org/llm", revision="abc")
WARM = LLMConfig()


def make_recipe(llm: LLMConfig) -> LLMRecipe:
    return LLMRecipe(task=LAMP_2, llm=llm, encoder=EncoderConfig(), seed=0)


def make_champion(llm: LLMConfig) -> Incumbents:
    """Make the champion of a run with the same settings."""
    champion = Incumbent(
        version="1",
        artifact_hash="a",
        llm_hash="l",
        llm_settings_hash=make_recipe(llm).settings_hash(),
    )
    return Incumbents(champion=champion)


def test_a_champions_hub_llm_is_no_artifact_to_take_over(tmp_path: Path) -> None:
    """It was never registered: a second run names it again, as the first one did."""
    histories = Histories.at(tmp_path)  # a hub LLM reads none
    first = prepare_llm.entrypoint(histories, Incumbents(), make_recipe(HUB))
    second = prepare_llm.entrypoint(histories, make_champion(HUB), make_recipe(HUB))

    assert not second.has_weights
    assert second.content_hash() == first.content_hash()


def test_a_champions_warm_start_is_taken_over_if_it_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "open_registry", lambda: None)
    monkeypatch.setattr(module, "download_llm", lambda *args: "the champion's")
    monkeypatch.setattr(module, "prepare", lambda *args: "a new one")

    def prepare(llm: LLMConfig, champion: Incumbents) -> str:
        return prepare_llm.entrypoint(Histories.at(tmp_path), champion, make_recipe(llm))

    champion = make_champion(WARM)
    assert prepare(WARM, champion) == "the champion's"
    assert champion.champion is not None
    knowing = champion.champion.model_copy(update={"llm_knows_erased": True})
    assert prepare(WARM, Incumbents(champion=knowing)) == "a new one"
    for llm, champion in (
        (WARM, Incumbents()),
        (WARM, make_champion(WARM.model_copy(update={"reads": "input"}))),
        (WARM.model_copy(update={"keep_champions": False}), make_champion(WARM)),
    ):
        assert prepare(llm, champion) == "a new one"
