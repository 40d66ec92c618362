"""Each rule with a planted defect; their clean twin is in test_validate.py."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from components.user_hash import KEY_VARIABLE, hash_user
from components.validation.config import RowRule, Thresholds
from components.validation.report import TableName, UnsoundHistoriesError
from components.validation.tombstones import write_tombstones
from tests.components.validation.histories import (
    HEADLINE,
    SECRET,
    Spoil,
    make_rows,
    spoil_item,
    spoil_question,
)
from tests.components.validation.outcomes import STRICT, count, find, quarantined, validate

BLANK_ITEMS = [spoil_item(1, input=" \n\t"), spoil_item(4, text=""), spoil_item(5, item_id=" ")]
BLANK_QUESTIONS = [spoil_question(1, payload="\u3000"), spoil_question(2, input="")]
LONG = "one review of some length, by"
COPIES = [spoil_item(0, input=f"{LONG} ann"), spoil_item(2, input=f"{LONG.upper()}: ANN!")]
SHARED = [spoil_item(1, input=f"{LONG} somebody"), spoil_item(5, input=f"{LONG} Somebody.")]
ASKED_TWICE = [
    spoil_question(0, split="train", payload="Good\u2026 movie!"),
    spoil_question(1, payload="good movie"),
    spoil_question(2, split="dev", payload="good movie"),  # somebody else
]
ASKED_OTHERS = [
    spoil_question(0, split="train", payload=f"{LONG} nobody", output="1"),
    spoil_question(3, payload=f"{LONG}, nobody."),
]
NOON = datetime(2020, 1, 4, 12)
SAME_DAY = [
    spoil_item(1, time=datetime(2020, 1, 4)),  # midnight: the hour is not known
    spoil_item(2, time=datetime(2020, 1, 4, 11)),
    spoil_question(0, time=NOON),
]
OWN_TEXT = [spoil_item(0, input=f"{LONG} me"), spoil_question(0, payload=f"{LONG}: ME")]
UNREADABLE = [
    spoil_item(0, input="caf\ufffd"),
    spoil_item(1, text="a\x00b"),
    spoil_item(2, input="?! \u2026"),
    spoil_item(3, input="\u2605\u2605\u2605\u2605"),  # four stars are an opinion
]
UNSET = [spoil_item(0, time=datetime(1970, 1, 1)), spoil_item(4, time=datetime(1970, 12, 31))]
LATER = datetime(2999, 1, 1)
NUMBER = "call +44 20 7946 0958, or write to ann@example.org"
TOO_LATE = [spoil_item(2, time=datetime(2020, 1, 4)), spoil_item(3, time=datetime(2021, 1, 1))]


@pytest.mark.parametrize(
    ("rule", "table", "spoils", "checked", "ids"),
    [
        ("emptiness", "items", BLANK_ITEMS, 6, ("ann/i1", "bob/i4", "bob/(blank)")),
        ("emptiness", "questions", BLANK_QUESTIONS, 4, ("q1", "q2")),
        ("uniqueness", "items", [spoil_item(1, item_id="i0")], 6, ("ann/i0", "ann/i0")),
        ("uniqueness", "questions", [spoil_question(3, question_id="q2")], 4, ("q2", "q2")),
        ("labels", "items", [spoil_item(4, output="1.0")], 6, ("bob/i4",)),
        ("labels", "questions", [spoil_question(0, output="4")], 4, ("q0",)),
        ("size", "items", [spoil_item(3, input="x" * 20_001)], 6, ("ann/i3",)),
        ("size", "questions", [spoil_question(2, payload="x " * 20_001)], 4, ("q2",)),
        ("readability", "items", UNREADABLE, 6, ("ann/i0", "ann/i1", "ann/i2")),
        ("readability", "questions", [spoil_question(3, payload="...")], 4, ("q3",)),
        ("clock", "items", UNSET, 6, ("ann/i0", "bob/i4")),
        ("clock", "questions", [spoil_question(1, time=LATER)], 4, ("q1",)),
        ("near_duplicates", "items", COPIES, 6, ("ann/i2",)),
        ("shared_texts", "items", SHARED, 6, ("ann/i1", "bob/i5")),
        ("split_overlap", "questions", ASKED_TWICE, 4, ("q0",)),
        ("split_overlap", "questions", ASKED_OTHERS, 4, ("q0",)),
        ("near_gold", "questions", OWN_TEXT, 3, ("q0",)),
        ("time_order", "history_links", SAME_DAY, 9, ("q0 < i1",)),
        ("personal_data", "items", [spoil_item(2, text=NUMBER)], 6, ("ann/i2",)),
        ("personal_data", "questions", [spoil_question(2, payload=NUMBER)], 4, ("q2",)),
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
    outcome = validate(tmp_path, rows, severities=STRICT, personal_data="refuse")
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
        "no question has a history with outputs to compare with",
    )


def test_a_near_copy_of_the_gold_is_found_and_the_gold_itself_is_not(tmp_path: Path) -> None:
    rows = make_rows(HEADLINE)
    spoil_item(1, output="Ten things that you did not know about bees")(rows)
    spoil_question(0, output="Ten things that you did not know about bees.")(rows)
    spoil_question(1, output="Ten things that you did not know about bees")(rows)
    spoil_item(4, input="It was a bright cold day in April, and the clocks struck")(rows)
    spoil_question(2, payload="It was a bright, cold day in April; and the clocks struck!")(rows)
    outcome = validate(tmp_path, rows, HEADLINE, severities=STRICT)
    near = find(outcome.report, "near_gold", "questions")
    assert (near.checked, near.ids) == (3, ("q0", "q2"))
    assert find(outcome.report, "gold_in_history", "questions").ids == ("q1",)


def test_one_time_for_all_items_of_a_user_is_found(tmp_path: Path) -> None:
    rows = make_rows()
    for user, num_items in (("cyd", 5), ("dan", 4)):
        for row in range(num_items):
            rows.items.append({**rows.items[0], "user_id": user, "item_id": f"more{row}"})
            spoil_item(-1, input=f"more {row}")(rows)
    result = find(validate(tmp_path, rows).report, "clock", "items")
    assert (result.failed, result.ids[0]) == (5, "cyd/more0")
    assert result.reason == "all items of the user have one timestamp"


def test_erased_users_are_found_in_both_tables(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "k")
    path = tmp_path / "tombstones.parquet"
    write_tombstones(path, {hash_user("bob", b"k"): datetime.now(UTC)}, b"k")
    outcome = validate(tmp_path, make_rows(), tombstones=path)
    assert find(outcome.report, "erased_users", "items").ids == ("bob/i4", "bob/i5")
    assert find(outcome.report, "erased_users", "questions").ids == ("q2", "q3")
    assert set(outcome.histories.items["user_id"]) == {"ann"}
    with pytest.raises(UnsoundHistoriesError, match="erased_users"):
        validate(tmp_path / "stops", make_rows(), thresholds=Thresholds(), tombstones=path)


def test_a_short_question_is_the_same_only_with_its_user_and_gold(tmp_path: Path) -> None:
    rows = make_rows()
    spoil_question(0, split="train", payload="good movie")(rows)
    spoil_question(1, payload="good movie", output="3")(rows)
    spoil_question(2, payload="good movie")(rows)
    spoil_question(3, payload="good movie")(rows)  # again, but in the same split
    report = validate(tmp_path, rows).report
    assert find(report, "split_overlap", "questions").status == "passed"
