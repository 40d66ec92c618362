"""Each rule with a planted defect; their clean twin is in test_validate.py."""

from datetime import datetime
from pathlib import Path

import pytest

from components.validation.config import RowRule
from components.validation.report import TableName
from tests.components.validation.histories import (
    HEADLINE,
    SECRET,
    Spoil,
    make_rows,
    spoil_item,
    spoil_question,
)
from tests.components.validation.outcomes import count, find, quarantined, validate

BLANK_ITEMS = [spoil_item(1, input=" \n\t"), spoil_item(4, text=""), spoil_item(5, item_id=" ")]
BLANK_QUESTIONS = [spoil_question(1, payload="\u3000"), spoil_question(2, input="")]
TOO_LATE = [spoil_item(2, time=datetime(2020, 1, 4)), spoil_item(3, time=datetime(2030, 1, 1))]


@pytest.mark.parametrize(
    ("rule", "table", "spoils", "checked", "ids"),
    [
        ("emptiness", "items", BLANK_ITEMS, 6, ("ann/i1", "bob/i4", "bob/(blank)")),
        ("emptiness", "questions", BLANK_QUESTIONS, 4, ("q1", "q2")),
        ("uniqueness", "items", [spoil_item(1, item_id="i0")], 6, ("ann/i0", "ann/i0")),
        ("uniqueness", "questions", [spoil_question(3, question_id="q2")], 4, ("q2", "q2")),
        ("labels", "items", [spoil_item(4, output="1.0")], 6, ("bob/i4",)),
        ("labels", "questions", [spoil_question(0, output="4")], 4, ("q0",)),
        ("ownership", "history_links", [spoil_question(3, history=[0])], 10, ("q3 < i0",)),
        ("time_order", "history_links", TOO_LATE, 9, ("q0 < i2", "q1 < i3")),
    ],
)
def test_a_planted_defect_is_found(
    tmp_path: Path,
    rule: RowRule,
    table: TableName,
    spoils: list[Spoil],
    checked: int,
    ids: tuple[str, ...],
) -> None:
    rows = make_rows()
    for spoil in spoils:
        spoil(rows)
    outcome = validate(tmp_path, rows)
    result = find(outcome.report, rule, table)
    assert (result.status, result.checked, result.failed) == ("failed", checked, len(ids))
    assert result.share == len(ids) / checked
    assert result.ids == ids
    assert result.reason
    others = {r.status for r in outcome.report.rules if r is not result}
    assert others == {"passed", "not_checkable"}
    assert {entry[2] for entry in quarantined(outcome.folder, table)} == {rule}
    assert count(outcome.report)[table][2] == len(ids)


def test_a_missing_gold_is_empty_and_no_label(tmp_path: Path) -> None:
    rows = make_rows()
    spoil_question(0, output="")(rows)
    outcome = validate(tmp_path, rows)
    assert find(outcome.report, "emptiness", "questions").ids == ("q0",)
    assert find(outcome.report, "labels", "questions").ids == ("q0",)
    # Two ways of being defective, but one row less.
    assert [rule for _, _, rule in quarantined(outcome.folder, "questions")] == [
        "emptiness",
        "labels",
    ]
    assert count(outcome.report)["questions"] == (4, 3, 1)


def test_an_item_without_output_has_no_label_to_check(tmp_path: Path) -> None:
    rows = make_rows()
    spoil_item(0, output=None)(rows)
    result = find(validate(tmp_path, rows).report, "labels", "items")
    assert (result.status, result.checked) == ("passed", 5)


@pytest.mark.parametrize("side", ["items", "questions"])
def test_time_order_is_not_checkable_without_times(tmp_path: Path, side: str) -> None:
    rows = make_rows()
    for row in rows.items if side == "items" else rows.questions:
        row["time"] = None
    result = find(validate(tmp_path, rows).report, "time_order", "history_links")
    assert (result.status, result.checked, result.failed) == ("not_checkable", 0, 0)
    assert result.reason == "no history link has a time both on its question and on its item"


def test_links_without_a_time_are_not_checked_and_kept(tmp_path: Path) -> None:
    rows = make_rows()
    spoil_item(0, time=None)(rows)
    spoil_item(1, time=datetime(2020, 1, 5))(rows)
    outcome = validate(tmp_path, rows)
    result = find(outcome.report, "time_order", "history_links")
    assert (result.checked, result.failed, result.share) == (7, 2, 2 / 7)
    assert outcome.histories.questions["history"] == [[0, 2], [0, 2, 3], [4, 5], []]


def test_a_gold_in_its_own_history_is_found_and_elsewhere_is_not(tmp_path: Path) -> None:
    rows = make_rows(HEADLINE)
    # Item 3 is not in the history of question 0, but in that of question 1.
    spoil_question(0, output=f"{SECRET} title 3")(rows)
    spoil_question(1, output=f"  {SECRET.upper()}\n title  3 ")(rows)
    spoil_question(2, output=f"{SECRET} title 0")(rows)
    outcome = validate(tmp_path, rows, HEADLINE)
    result = find(outcome.report, "gold_in_history", "questions")
    assert (result.failed, result.checked, result.ids) == (1, 3, ("q1",))
    assert outcome.histories.questions["question_id"] == ["q0", "q2", "q3"]
    assert count(outcome.report) == {
        "items": (6, 6, 0),
        "questions": (4, 3, 1),
        "history_links": (9, 5, 4),
    }
    assert quarantined(outcome.folder, "history_links")[0] == (3, "q1 < i0", "fallout")


def test_a_gold_in_history_needs_outputs(tmp_path: Path) -> None:
    rows = make_rows(HEADLINE)
    for row in rows.items:
        row["output"] = None
    result = find(validate(tmp_path, rows, HEADLINE).report, "gold_in_history", "questions")
    assert (result.status, result.reason) == (
        "not_checkable",
        "no history holds outputs to compare with",
    )
