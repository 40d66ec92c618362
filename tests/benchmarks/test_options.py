"""The command on a tiny world: options differ in what they say, and the least dev loss wins."""

import io
import json
from contextlib import redirect_stdout

import pytest
from pydantic import ValidationError

from benchmarks.arms import read_settings
from benchmarks.options import AS_IS, OPTIONS, PAPER, change_settings, main
from components.training.train import TrainedArms

ASKED = [AS_IS, "temperature_fixed", "encoder_shared", PAPER]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("options") / "made"


def call(config, folder):
    """Run the command; returns the object of the last line."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as printed:
        words = ["--config", str(config), "--folder", str(folder), "--seeds", "2", "--json"]
        patch.setattr("sys.argv", ["options", *words, "--options", *ASKED])
        main()
    return json.loads(printed.getvalue().splitlines()[-1])


@pytest.fixture(scope="module")
def result(config, folder):
    return call(config, folder)


def test_an_option_that_the_configuration_has_is_left_out(result):
    assert list(result["options"]) == [AS_IS, "encoder_shared", PAPER]


def test_the_least_dev_loss_wins_and_test_is_opened_for_it(result):
    means = {name: sum(at["dev_losses"]) / 2 for name, at in result["options"].items()}
    assert result["best"] == min(means, key=means.get)
    assert set(result["test"]) == {AS_IS, PAPER, result["best"]}
    for seeds in result["test"].values():
        assert list(seeds) == ["candidate", "1"]
        assert all(low <= value <= high for value, low, high in seeds.values())


def test_options_train_what_they_say(result, folder):
    arms = {
        name: TrainedArms.at(folder / "options" / name).arm("persona") for name in result["options"]
    }
    cards = {name: arms[name].card() for name in result["options"]}
    assert cards[PAPER].embedder.temperature is None
    assert len({card.llm_weights_sha256 for card in cards.values()}) == 1
    fingerprints = {name: card.encoder_fingerprint for name, card in cards.items()}
    assert fingerprints[PAPER] != fingerprints[AS_IS] == fingerprints["encoder_shared"]


def test_a_second_call_trains_nothing(result, config, folder):
    again = call(config, folder)
    assert again["test"] == result["test"]
    assert all(at["seconds"] < 1 for at in again["options"].values())


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_fits_the_quickstart(name):
    settings = read_settings(None)
    is_same = change_settings(settings, OPTIONS[name]) == settings
    assert is_same == (name in (AS_IS, "temperature_fixed"))


def test_an_option_that_cannot_be_is_refused():
    with pytest.raises(ValidationError, match="num_persona_tokens"):
        change_settings(read_settings(None), {"embedder": {"num_persona_tokens": 0}})
