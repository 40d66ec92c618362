"""The validation as a whole: what is kept, what stops, what is written and what is not."""

from pathlib import Path

import pyarrow as pa
import pytest

from components.histories.events import StoreWatermark
from components.histories.tables import HistoryRows, write_histories
from components.tasks.task import Task
from components.validation.config import Thresholds, ValidationConfig
from components.validation.report import UnsoundHistoriesError
from components.validation.validate import validate_histories
from components.validation.validation_folder import ValidationFolder
from tests.components.validation.histories import (
    HEADLINE,
    SCORE,
    SECRET,
    make_rows,
    replace_table,
    spoil_item,
    spoil_question,
    write,
)
from tests.components.validation.outcomes import LENIENT, count, find, quarantined, validate


@pytest.mark.parametrize("task", [SCORE, HEADLINE], ids=lambda task: task.name)
def test_sound_histories_pass_unchanged(tmp_path: Path, task: Task) -> None:
    rows = make_rows(task)
    outcome = validate(tmp_path, rows, task, Thresholds())
    report = outcome.report
    unchecked = {(r.rule, r.table) for r in report.rules if r.status == "not_checkable"}
    assert unchecked - {("erased_users", "items"), ("erased_users", "questions")} == (
        {("gold_in_history", "questions")}
        if task.labels
        else {("labels", "items"), ("labels", "questions")}
    )
    assert {r.status for r in report.rules} == {"passed", "not_checkable"}
    assert all(r.failed == 0 and r.ids == () and r.share == 0 for r in report.rules)
    assert count(report) == {"items": (6, 6, 0), "questions": (4, 4, 0), "history_links": (9, 9, 0)}
    assert outcome.folder.quarantine.num_rows == 0
    assert outcome.histories.content_hash() == write(tmp_path / "same", rows).content_hash()
    assert outcome.folder.report == report
    assert report.verdict == (
        "The histories are sound: 6 history items, 4 questions and 9 history links pass every "
        f"rule that could be checked; {3 if task.labels else 4} checks were not possible."
    )
    assert [path.name for path in outcome.folder.files()] == [
        "index.html",
        "quarantine.parquet",
        "report.json",
    ]


def test_the_watermark_is_carried_on(tmp_path: Path) -> None:
    watermark = StoreWatermark(tenant="a", fingerprint="minilm-1", generation=2, sequences=(7, 0))
    tables = (make_rows().item_table(), make_rows().question_table())
    raw = write_histories(tmp_path / "raw", *tables, watermark=watermark)
    outcome = validate_histories(raw, SCORE, ValidationConfig(), tmp_path / "out", False, None)
    assert outcome.histories.watermark == watermark


def test_histories_follow_their_items_to_new_rows(tmp_path: Path) -> None:
    rows = make_rows()
    spoil_item(1, input="")(rows)
    spoil_question(0, payload="")(rows)
    spoil_question(3, history=[3, 4])(rows)
    outcome = validate(tmp_path, rows)
    items, questions = outcome.histories.items, outcome.histories.questions
    assert items["item_id"] == ["i0", "i2", "i3", "i4", "i5"]
    assert questions["question_id"] == ["q1", "q2", "q3"]
    named = [[items["item_id"][row] for row in history] for history in questions["history"]]
    assert named == [["i0", "i2", "i3"], ["i4", "i5"], ["i4"]]
    assert outcome.histories.limits == rows.limits
    # Links: 3 went with question 0, 1 of question 1 with item 1, and 1 is another user's.
    assert count(outcome.report) == {
        "items": (6, 5, 1),
        "questions": (4, 3, 1),
        "history_links": (11, 6, 5),
    }
    assert quarantined(outcome.folder, "history_links") == [
        (0, "q0 < i0", "fallout"),
        (1, "q0 < i1", "fallout"),
        (2, "q0 < i2", "fallout"),
        (4, "q1 < i1", "fallout"),
        (9, "q3 < i3", "ownership"),
    ]
    assert outcome.report.verdict == (
        "The histories can be used: 1 of 6 history items (16.7 %), 1 of 4 questions (25 %) and "
        "5 of 11 history links (45.5 %) went to quarantine, all else is kept; 3 checks were not "
        "possible."
    )


def test_a_share_above_the_threshold_stops(tmp_path: Path) -> None:
    rows = make_rows()
    for row in (0, 1, 3, 4):
        spoil_item(row, input="")(rows)
    with pytest.raises(UnsoundHistoriesError) as caught:
        validate(tmp_path, rows, thresholds=Thresholds(emptiness=0.5))
    assert str(caught.value) == (
        "the histories of task score are not sound: rule 'emptiness' fails for 4 of 6 history "
        "items (share 0.6667, threshold 0.5): the input text is blank or missing; for example "
        "ann/i0, ann/i1, ann/i3"
    )
    assert caught.value.report.stopping == (find(caught.value.report, "emptiness", "items"),)
    # What was found is there to look at; nothing that could be used further is.
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["validation"]
    folder = ValidationFolder.at(tmp_path / "out" / "validation")
    assert folder.report == caught.value.report
    assert len(quarantined(folder, "items")) == 4


def test_a_share_at_the_threshold_does_not_stop(tmp_path: Path) -> None:
    rows = make_rows()
    for row in (0, 1, 3):
        spoil_item(row, input="")(rows)
    outcome = validate(tmp_path, rows, thresholds=Thresholds(emptiness=0.5))
    assert find(outcome.report, "emptiness", "items").share == 0.5


def test_a_warning_never_stops_and_keeps_the_rows(tmp_path: Path) -> None:
    rows = make_rows()
    spoil_question(0, payload="")(rows)
    config = ValidationConfig.model_validate(
        {"thresholds": {"emptiness": 0}, "severities": {"emptiness": "warning"}}
    )
    histories = write(tmp_path / "in", rows)
    outcome = validate_histories(histories, SCORE, config, tmp_path / "out")
    assert find(outcome.report, "emptiness", "questions").severity == "warning"
    assert count(outcome.report)["questions"] == (4, 4, 0)
    assert outcome.folder.quarantine.num_rows == 0
    assert outcome.report.verdict == (
        "The histories can be used: all 6 history items, 4 questions and 9 history links are kept; "
        "rules that warn: 'emptiness' for 1 of 4 questions; 3 checks were not possible."
    )


def test_a_missing_column_stops(tmp_path: Path) -> None:
    rows = make_rows()
    histories = write(tmp_path / "in", rows)
    replace_table(histories, "questions", rows.question_table().drop_columns("history"))
    with pytest.raises(
        UnsoundHistoriesError, match="rule 'schema' fails for 1 of 8 columns"
    ) as caught:
        validate_histories(histories, SCORE, ValidationConfig(thresholds=LENIENT), tmp_path / "out")
    report = caught.value.report
    assert find(report, "schema", "questions").ids == (
        "history (missing; expected list<item: int32>)",
    )
    assert report.counts == ()
    others = [result for result in report.rules if result.rule != "schema"]
    assert {result.status for result in others} == {"not_checkable"}
    assert find(report, "labels", "items").reason == "the columns are not as they should be"
    assert "No row was judged" in (tmp_path / "out/validation/data_docs/index.html").read_text()


def test_types_and_unknown_columns_are_named(tmp_path: Path) -> None:
    rows = make_rows()
    histories = write(tmp_path / "in", rows)
    table = rows.item_table().append_column("extra", pa.array([1] * 6))
    position = table.schema.get_field_index("user_id")
    replace_table(histories, "items", table.set_column(position, "user_id", pa.array(range(6))))
    with pytest.raises(UnsoundHistoriesError) as caught:
        validate_histories(histories, SCORE, ValidationConfig(), tmp_path / "out")
    result = find(caught.value.report, "schema", "items")
    assert (result.failed, result.checked) == (2, 7)
    assert result.ids == (
        "user_id (int64; expected string)",
        "extra (int64; expected no such column)",
    )


def test_nulls_and_wild_row_numbers_are_defects_not_crashes(tmp_path: Path) -> None:
    rows = make_rows()
    histories = write(tmp_path / "in", rows)
    spoil_item(0, text=None, user_id=None)(rows)
    spoil_question(1, history=None)(rows)
    spoil_question(3, history=[6, -1, None, 5])(rows)
    replace_table(histories, "items", rows.item_table())
    replace_table(histories, "questions", rows.question_table())
    outcome = validate_histories(
        histories, SCORE, ValidationConfig(thresholds=LENIENT), tmp_path / "out"
    )
    assert find(outcome.report, "emptiness", "items").ids == ("(blank)/i0",)
    assert find(outcome.report, "emptiness", "questions").ids == ("q1",)
    assert find(outcome.report, "ownership", "history_links").ids == (
        "q0 < i0",
        "q3 < (blank)",
        "q3 < (blank)",
    )
    assert outcome.histories.questions["history"] == [[0, 1], [3, 4], [4]]
    assert count(outcome.report)["history_links"] == (9, 5, 4)


def test_tables_without_rows_are_not_checkable(tmp_path: Path) -> None:
    outcome = validate(tmp_path, HistoryRows([], []), thresholds=Thresholds())
    statuses = {result.rule: result.status for result in outcome.report.rules}
    assert statuses.pop("schema") == "passed"
    assert set(statuses.values()) == {"not_checkable"}
    assert len(outcome.histories.items) == 0


def test_no_items_leave_cold_questions(tmp_path: Path) -> None:
    rows = make_rows()
    cold = HistoryRows([], rows.questions[3:])
    assert validate(tmp_path, cold, thresholds=Thresholds()).histories.questions["history"] == [[]]


@pytest.mark.parametrize("task", [SCORE, HEADLINE], ids=lambda task: task.name)
def test_no_text_of_a_user_gets_into_the_report(tmp_path: Path, task: Task) -> None:
    rows = make_rows(task)
    spoil_item(0, output=f"{SECRET} title 0")(rows)
    spoil_question(0, output=f"{SECRET} title 0")(rows)
    spoil_question(1, payload="")(rows)
    outcome = validate(tmp_path, rows, task)
    assert outcome.folder.quarantine.num_rows
    for path in outcome.folder.files():
        if path.suffix != ".parquet":
            assert SECRET not in path.read_text("utf-8").casefold(), path
    assert SECRET not in str(outcome.folder.quarantine.to_pylist())


def test_unknown_labels_are_shown_only_on_demand(tmp_path: Path) -> None:
    rows = make_rows()
    spoil_item(0, output="<b>seven</b>")(rows)
    histories = write(tmp_path / "in", rows)
    pages = {}
    for show_texts in (False, True):
        config = ValidationConfig(thresholds=LENIENT)
        directory = tmp_path / str(show_texts)
        outcome = validate_histories(histories, SCORE, config, directory, show_texts)
        pages[show_texts] = (outcome.folder.data_docs / "index.html").read_text("utf-8")
    assert "another text of 12 characters" in pages[False]
    assert "seven" not in pages[False]
    assert "&lt;b&gt;seven&lt;/b&gt;" in pages[True]
    assert "<b>seven" not in pages[True]


def test_the_same_histories_give_the_same_folder(tmp_path: Path) -> None:
    rows = make_rows()
    spoil_item(0, input="")(rows)
    histories = write(tmp_path / "in", rows)
    config = ValidationConfig(thresholds=LENIENT)
    first, again = (
        validate_histories(histories, SCORE, config, tmp_path / name) for name in ("a", "b")
    )
    assert first.folder.content_hash() == again.folder.content_hash()
    assert first.histories.content_hash() == again.histories.content_hash()


def test_earlier_results_are_not_overwritten(tmp_path: Path) -> None:
    earlier = tmp_path / "out" / "validation" / "report.json"
    earlier.parent.mkdir(parents=True)
    earlier.touch()
    with pytest.raises(ValueError, match="validation is not empty"):
        validate(tmp_path, make_rows())
    assert list((tmp_path / "out").rglob("*")) == [earlier.parent, earlier]
