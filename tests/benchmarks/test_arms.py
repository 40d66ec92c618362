"""The command on a tiny world: every arm, one JSON object, and a second call trains nothing."""

import io
import json
import shutil
from contextlib import redirect_stdout
from typing import get_args

import numpy as np
import pyarrow.compute as pc
import pytest
import yaml
from pydantic import ValidationError

from benchmarks.arms import LAMP_PREDICTIONS, main, read_settings
from components.evaluation.config import ArmName
from components.evaluation.predictions import Predictions
from components.histories.tables import Histories
from components.training.train import TRAINED_ARMS

ARMS = set(get_args(ArmName))


def call(config, folder, *options):
    """Run the command; returns the lines that it prints."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as printed:
        words = ["arms", "--config", str(config), "--folder", str(folder), "--json", *options]
        patch.setattr("sys.argv", words)
        main()
    return printed.getvalue().splitlines()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("arms") / "made" / "by the command"


@pytest.fixture(scope="module")
def lines(config, folder):
    return call(config, folder)


@pytest.fixture(scope="module")
def result(lines):
    return json.loads(lines[-1])


def list_times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def read_lamp(path):
    content = json.loads(path.read_text())
    assert content["task"] == "LaMP_2"
    return {gold["id"]: gold["output"] for gold in content["golds"]}


def test_the_last_line_is_one_object_with_every_arm(result, config):
    fields = {"config", "commit", "task", "split", "num_questions", "num_users", "metric"}
    fields |= {"arms", "differences", "gap_closed", "samples", "slices", "costs", "notes"}
    assert set(result) == fields
    said = [result[name] for name in ("config", "task", "split", "metric")]
    assert said == [str(config), "LaMP_2", "test", "accuracy"]
    assert (result["num_questions"], result["num_users"]) == (16, 4)
    assert set(result["arms"]) == ARMS - {"per_user_lora"}
    assert set(result["differences"]) == {f"persona_vs_{a}" for a in result["arms"]} - {
        "persona_vs_persona"
    }
    assert set(result["costs"]) == ARMS | {"persona_history_1"}
    assert set(result["samples"]) == {"per_user_lora"}
    assert result["samples"]["per_user_lora"]["num_users"] == 2
    assert "per_user_lora" in result["samples"]["per_user_lora"]["arms"]
    assert {"user_statistics", "agreement_with_generation"} == set(result["notes"])


def test_figures_are_value_low_and_high(result):
    for by_metric in [*result["arms"].values(), *result["differences"].values()]:
        assert set(by_metric) == {"accuracy", "macro_f1"}
        assert all(low <= value <= high for value, low, high in by_metric.values())
    for name, arm in result["arms"].items():
        if name != "persona":
            minus = result["differences"][f"persona_vs_{name}"]["accuracy"][0]
            expected = result["arms"]["persona"]["accuracy"][0] - arm["accuracy"][0]
            assert minus == pytest.approx(expected, abs=2e-5)


def test_the_table_names_every_arm_before_the_object(lines, result):
    assert [line.split()[0] for line in lines[-len(result["arms"]) - 1 : -1]] == [*result["arms"]]


def test_predictions_in_the_benchmarks_shape_give_the_figures(result, folder):
    questions = Histories.at(folder / "sound" / "histories").questions
    golds = {row["question_id"]: row["output"] for row in questions if row["split"] == "test"}
    paths = {path.stem: path for path in (folder / LAMP_PREDICTIONS).iterdir()}
    assert set(paths) == ARMS | {"persona_history_1"}
    for arm in set(result["arms"]) - {"shuffled"}:
        answers = read_lamp(paths[arm])
        assert list(answers) == list(golds)
        right = np.mean([answers[name] == gold for name, gold in golds.items()])
        assert right == pytest.approx(result["arms"][arm]["accuracy"][0], abs=1e-5)
    sample = read_lamp(paths["per_user_lora"])
    right = np.mean([golds[name] == answer for name, answer in sample.items()])
    figures = result["samples"]["per_user_lora"]["arms"]["per_user_lora"]
    assert right == pytest.approx(figures["accuracy"][0], abs=1e-5)
    table = Predictions.at(folder / "predictions").table
    first = pc.and_(pc.equal(table["arm"], "shuffled"), pc.equal(table["draw"], 0))
    assert (
        list(read_lamp(paths["shuffled"]).values()) == table.filter(first)["prediction"].to_pylist()
    )


def test_a_second_call_makes_nothing_anew_and_says_the_same(config, folder, lines):
    made = list_times(folder)
    assert set(path.name for path in (folder / "trained").iterdir()) == set(TRAINED_ARMS)
    again = call(config, folder)
    assert again == lines[-len(again) :]  # the first call's begin with the curves of its fits
    assert list_times(folder) == made


def test_a_call_makes_what_is_missing_and_nothing_else(config, folder, result, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    missing = [copy / "trained" / "persona", copy / "predictions", copy / LAMP_PREDICTIONS]
    for path in missing:
        shutil.rmtree(path)
    made = list_times(copy)
    again = json.loads(call(config, copy, "--arms", "persona", "base")[-1])
    assert again["arms"] == {arm: result["arms"][arm] for arm in ("base", "persona")}
    now = list_times(copy)
    changed = {path for path in made if now[path] != made[path]}
    assert changed <= {copy, copy / "trained"}
    new = set(now) - set(made)
    assert {path for path in new if path.parent not in new} == set(missing)


def test_settings_are_the_pipelines_own(config, tmp_path):
    settings = read_settings(config)
    assert settings.data.simulator.num_test_users == 4
    assert settings.report == read_settings(None).report
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(yaml.safe_dump({"parameters": {"training": {"fit": {"epochs": 3}}}}))
    with pytest.raises(ValidationError, match=r"training\.fit\.epochs"):
        read_settings(wrong)
