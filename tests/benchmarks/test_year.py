"""What the year's weeks say together, by hand; the figure; and two real weeks (slow)."""

import json
import re
import xml.etree.ElementTree as ET
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import yaml

from benchmarks.year import CONFIG, main, write_verdict
from benchmarks.year_figure import write_year_figure
from benchmarks.year_records import (
    RECORDS,
    WeekRecord,
    bootstrap_difference,
    read_records,
    summarize_year,
    write_record,
)
from components.evaluation.evaluation import Judge

USERS = ["a", "a", "b", "b"]


def build_record(week, outcome="refused", **right):
    version = str(week + 1)
    return WeekRecord(
        week=week,
        outcome=outcome,
        reason="" if outcome == "promoted" else "because",
        num_items=100 + week,
        candidate=None if outcome == "skipped" else version,
        champion=version if outcome == "promoted" else "1",
        seconds=1.5,
        cpu_seconds=1,
        users=USERS if right else [],
        right={name: [bool(int(flag)) for flag in flags] for name, flags in right.items()},
    )


def build_year():
    """Promoted, then refused, skipped and promoted: the new one answers one question more."""
    first = {"candidate": "1100", "champion": "1100", "never_retrained": "1100"}
    refused = {"candidate": "0000", "champion": "1100", "never_retrained": "1100"}
    better = {"candidate": "1110", "champion": "1110", "never_retrained": "1000"}
    return [
        build_record(0, "promoted", **first, bayes="1111"),
        build_record(1, "refused", **refused, replaced="1100", bayes="1111"),
        build_record(2, "skipped"),
        build_record(3, "promoted", **better, replaced="1100", bayes="1111"),
    ]


def test_the_year_by_hand():
    year = summarize_year(build_year())
    assert year["num_weeks"] == 4
    assert year["num_outcomes"] == {"promoted": 2, "refused": 1, "skipped": 1}
    # 3 of 4 questions instead of 2 of 4; week 0 replaced nobody.
    [promotion] = year["promotions"]
    assert (promotion["week"], promotion["version"], promotion["gain"]) == (3, "4", 0.25)
    assert not year["fell_behind"]
    # Quarters of weeks 0 to 3: in week 0 there was none but the first model, in week 2 no question.
    first, last = year["quarters"]
    assert (first["weeks"], first["lead"]) == ([1], 0.0)
    assert (last["weeks"], last["lead"]) == ([3], 0.5)
    assert last["accuracy"] == {
        "candidate": 0.75,
        "champion": 0.75,
        "never_retrained": 0.25,
        "replaced": 0.5,
        "bayes": 1.0,
    }
    assert year["weeks"][1]["accuracy"]["candidate"] == 0.0
    assert year["weeks"][2]["accuracy"] == {}
    assert "users" not in year["weeks"][0]


def test_what_surely_lost_by_a_promotion_fell_behind():
    worse = {"candidate": "1010", "champion": "1010", "never_retrained": "1010"}
    lost = summarize_year([*build_year(), build_record(4, "promoted", **worse, replaced="1111")])
    assert lost["promotions"][-1]["gain_high"] == -0.5
    assert lost["fell_behind"]
    # One of two users lost: it may be chance.
    worse["champion"] = "1100"
    perhaps = summarize_year([*build_year(), build_record(4, "promoted", **worse, replaced="1111")])
    assert perhaps["promotions"][-1]["gain"] == -0.5
    assert not perhaps["fell_behind"]


def test_small_losses_that_add_up_over_a_quarter_fell_behind():
    behind = {"candidate": "1010", "champion": "1010", "never_retrained": "1111"}
    year = [build_record(0, champion="1111", never_retrained="1111")]
    year += [build_record(week, **behind) for week in range(1, 8)]
    assert summarize_year(year)["fell_behind"]


def test_users_and_not_questions_are_resampled():
    # Weeks repeat the same two users' answers: more rows, and not a bit more certainty.
    once = [build_record(0, champion="1100", never_retrained="0000")]
    often = [record.model_copy(update={"week": n}) for n in range(20) for record in once]
    one, many = (
        bootstrap_difference(records, "champion", "never_retrained") for records in (once, often)
    )
    assert one.mean == many.mean == 0.5
    assert (one.low, one.high) == pytest.approx((many.low, many.high))
    # Of four users who are alike nothing is left to chance.
    alike = [build_record(0, champion="1010", never_retrained="0000")]
    interval = bootstrap_difference(alike, "champion", "never_retrained")
    assert interval.low == interval.high == 0.5


def test_weeks_are_kept_in_order_and_read_back(tmp_path):
    records = build_year()
    for record in reversed(records):
        write_record(tmp_path / RECORDS, record)
    assert read_records(tmp_path / RECORDS) == records
    assert not [path for path in (tmp_path / RECORDS).iterdir() if path.suffix != ".json"]


def test_the_verdict_says_how_many_and_by_how_much():
    year = summarize_year(build_year())
    year["quarters"][-1] |= {"lead": 0.05, "lead_low": -0.01, "lead_high": 0.11}
    assert write_verdict(year) == (
        "2 of 3 retrainings were promoted; the champion never fell behind an earlier one, and in "
        "the last quarter is +5.0 points [-1.0, +11.0] ahead of the model never retrained"
    )
    assert "; the champion fell behind an earlier one" in write_verdict(
        year | {"fell_behind": True}
    )
    unknown = summarize_year([build_record(0)])
    assert write_verdict(unknown).endswith("the first model has not been compared yet")


def test_the_figure_stands_alone_in_light_and_dark(tmp_path):
    path = tmp_path / "docs" / "year.svg"
    write_year_figure(path, build_year(), "A verdict")
    svg = path.read_text("utf-8")
    ET.fromstring(svg)  # with its name spaces, or a browser shows nothing
    used = set(re.findall(r"var\((--\w+)\)", svg))
    light, dark = svg.split("prefers-color-scheme: dark")[:2]
    assert used
    for variable in used:
        assert f"{variable}:" in light
        assert f"{variable}:" in dark
    for said in ("A verdict", "champion", "never retrained", "promoted (2)", "skipped (1)"):
        assert f">{said}" in svg
    write_year_figure(tmp_path / "again.svg", build_year(), "A verdict")
    assert (tmp_path / "again.svg").read_text("utf-8") == svg


def test_partial_state_is_told_and_drawn_without_a_run(tmp_path, capsys, monkeypatch):
    for record in build_year():
        write_record(tmp_path / RECORDS, record)
    figure = tmp_path / "year.svg"
    words = ["year", "--folder", str(tmp_path), "--weeks", "0", "--figure", str(figure), "--json"]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit, match="0"):
        main()
    *table, verdict, result = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in table[1:]] == ["promoted", "refused", "skipped", "promoted"]
    assert verdict == write_verdict(json.loads(result))
    assert figure.is_file()


def build_answers(with_incumbents):
    """Return answers of two questions; the persona is right in the first, incumbents in both."""
    arms = {"persona": ("x", "x"), "instruction_only": ("y", "x")}
    if with_incumbents:
        arms |= {"champion": ("x", "y"), "reference": ("y", "y")}
    rows = [
        {"question_id": f"u{n}:i", "user_id": f"u{n}", "arm": arm, "draw": 0} | said
        for arm, both in arms.items()
        for n, said in enumerate(
            {"prediction": p, "gold": gold} for p, gold in zip(both, "xy", strict=True)
        )
    ]
    rows.append(rows[0] | {"arm": "shuffled", "draw": 1})
    return pd.DataFrame(rows)


JUDGED = {f"u{n}:i": dict(zip(get_args(Judge), "xyx", strict=True)) for n in range(2)}


def test_who_is_champion_hangs_on_the_decision(zenml_home):
    from benchmarks.year_run import judge_answers

    users, right = judge_answers(build_answers(True), JUDGED, promoted=False)
    assert users == ["u0", "u1"]
    assert right["candidate"] == [True, False]
    assert right["champion"] == right["replaced"] == [True, True]
    assert right["never_retrained"] == [False, True]
    assert right[get_args(Judge)[1]] == [False, True]
    _, right = judge_answers(build_answers(True), JUDGED, promoted=True)
    assert right["champion"] == right["candidate"]
    assert right["replaced"] == [True, True]


def test_the_first_champion_is_what_is_never_retrained(zenml_home):
    from benchmarks.year_run import judge_answers

    _, right = judge_answers(build_answers(False), JUDGED, promoted=True)
    assert right["never_retrained"] == right["champion"] == right["candidate"]
    assert "replaced" not in right
    _, right = judge_answers(build_answers(False), JUDGED, promoted=False)
    assert not {"never_retrained", "champion", "replaced"} & set(right)


def test_the_years_settings_are_the_pipelines_and_a_wrong_one_is_refused(zenml_home, tmp_path):
    from pydantic import ValidationError

    from benchmarks.year_run import place_in, read_year

    settings = read_year(CONFIG)
    placed = place_in(tmp_path, settings.parameters)
    assert placed["data"].interactions.path == tmp_path / "events" / "week-"
    assert placed["encoder"].name == str(tmp_path / "encoder")
    assert placed["promotion"] == settings.parameters.promotion
    document = yaml.safe_load(CONFIG.read_text())
    document["parameters"]["training"]["fit"] = {"epochs": 1}
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(yaml.safe_dump(document))
    with pytest.raises(ValidationError, match=r"parameters\.training\.fit\.epochs"):
        read_year(wrong)


@pytest.mark.slow
def test_two_weeks_of_the_real_pipeline_and_a_call_that_goes_on(tmp_path, monkeypatch, capfd):
    document = yaml.safe_load(CONFIG.read_text())
    document["encoder_layers"] = 1
    document["weeks"] |= {"num_users": 40, "first_items": 8, "quiet_weeks": [1], "quiet_share": 0}
    parameters = document["parameters"]
    fit = {"num_epochs": 0.1}
    parameters["training"] = {"fit": fit, "alignment": {"num_steps": 5}}
    parameters["llm"]["warm_start"] = {"num_frozen_layers": 0, "fit": fit}
    parameters["promotion"] = {"rules": [{"kind": "size"}]}
    config, folder = tmp_path / "tiny.yaml", tmp_path / "state"
    config.write_text(yaml.safe_dump(document))

    def call(num_weeks):
        words = ["year", "--config", str(config), "--folder", str(folder), "--json"]
        monkeypatch.setattr("sys.argv", [*words, "--weeks", str(num_weeks)])
        main()
        return json.loads(capfd.readouterr().out.splitlines()[-1])

    call(1)
    result = call(2)
    first, second = result["weeks"]
    assert (first["outcome"], first["champion"]) == ("promoted", "1")
    assert first["accuracy"]["champion"] == first["accuracy"]["never_retrained"]
    assert (second["outcome"], second["champion"]) == ("skipped", "1")
    assert second["reason"].startswith("Skipped: ")
    assert np.isfinite(list(first["accuracy"].values())).all()
