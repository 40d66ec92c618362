"""Personal data counted, passed on, masked or refused, as the run's settings say."""

from pathlib import Path

import pytest

from components.histories.tables import HistoryRows
from components.validation.config import Thresholds
from components.validation.report import PersonalDataCount, UnsoundHistoriesError
from tests.components.validation.histories import (
    HEADLINE,
    make_rows,
    spoil_item,
    spoil_question,
)
from tests.components.validation.outcomes import count, find, validate

MAIL = "write to ann@example.org or to bob@example.org"
MASKED = "write to [email] or to [email]"


def spoil_rows() -> HistoryRows:
    """Return rows with two addresses in an item and a question, and a phone number in a gold."""
    rows = make_rows(HEADLINE)
    spoil_item(1, text=f"article: {MAIL}", input=MAIL)(rows)
    spoil_question(0, input=f"Write a headline for: {MAIL}", payload=MAIL)(rows)
    spoil_question(2, output="Call +44 20 7946 0958 now")(rows)
    return rows


def test_finds_are_counted_once_a_row_by_kind(tmp_path: Path) -> None:
    outcome = validate(tmp_path, spoil_rows(), HEADLINE, Thresholds())
    assert outcome.report.personal_data == (
        PersonalDataCount(table="items", kind="email", rows=1, finds=2),
        PersonalDataCount(table="questions", kind="email", rows=1, finds=2),
        PersonalDataCount(table="questions", kind="phone", rows=1, finds=1),
    )
    assert find(outcome.report, "personal_data", "questions").ids == ("q0", "q2")
    assert outcome.histories.items["input"][1] == MAIL  # reported, and passed on
    page = (outcome.folder.data_docs / "index.html").read_text("utf-8")
    assert "It is passed on as it came" in page and "ann@example.org" not in page


def test_an_answer_adds_to_its_question(tmp_path: Path) -> None:
    rows = make_rows(HEADLINE)
    spoil_question(1, payload="ask a@example.com", output="or b@example.org")(rows)
    [found] = validate(tmp_path, rows, HEADLINE).report.personal_data
    assert (found.rows, found.finds) == (1, 2)


def test_masked_texts_are_what_is_passed_on(tmp_path: Path) -> None:
    rows = spoil_rows()
    outcome = validate(tmp_path, rows, HEADLINE, Thresholds(), personal_data="mask")
    items, questions = outcome.histories.items, outcome.histories.questions
    assert (items["text"][1], items["input"][1]) == (f"article: {MASKED}", MASKED)
    assert questions["input"][0] == f"Write a headline for: {MASKED}"
    assert questions["payload"][0] == MASKED
    assert questions["output"][2] == "Call [phone] now"
    assert items["input"][0] == rows.items[0]["input"]
    assert questions["history"] == [question["history"] for question in rows.questions]
    assert count(outcome.report)["items"] == (6, 6, 0)


def test_refused_rows_stop_the_run_or_go_to_quarantine(tmp_path: Path) -> None:
    with pytest.raises(
        UnsoundHistoriesError, match="rule 'personal_data' fails for 1 of 6 history items"
    ):
        validate(tmp_path / "a", spoil_rows(), HEADLINE, Thresholds(), personal_data="refuse")
    outcome = validate(tmp_path / "b", spoil_rows(), HEADLINE, personal_data="refuse")
    assert outcome.histories.questions["question_id"] == ["q1", "q3"]
    assert count(outcome.report)["items"] == (6, 5, 1)


def test_labels_are_never_masked(tmp_path: Path) -> None:
    rows = make_rows()
    label = "+44 20 7946 0958"
    spoil_item(0, output=label)(rows)
    outcome = validate(tmp_path, rows, personal_data="mask", severities={"labels": "warning"})
    assert outcome.histories.items["output"][0] == label
