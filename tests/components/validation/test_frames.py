"""Frames for Great Expectations: lengths, owners, times and golds worked by hand; no texts."""

from pathlib import Path

import pandas as pd
import pytest

from components.histories.tables import ITEM_SCHEMA, HistoryRows
from components.tasks.task import Task
from components.validation.frames import (
    SourceTables,
    frame_columns,
    frame_items,
    frame_links,
    frame_questions,
    open_tables,
    take_apart,
)
from tests.components.validation.histories import HEADLINE, SCORE, SECRET, make_rows, write


def open_rows(directory: Path, rows: HistoryRows) -> SourceTables:
    return take_apart(*open_tables(write(directory, rows)))


def test_links_stand_question_by_question(tmp_path: Path) -> None:
    tables = open_rows(tmp_path, make_rows())
    assert tables.question_rows_L.tolist() == [0, 0, 0, 1, 1, 1, 1, 2, 2]
    assert tables.item_rows_L.tolist() == [0, 1, 2, 0, 1, 2, 3, 4, 5]
    frame = frame_links(tables)
    assert frame["own_item"].all()
    days = [frame[column].dt.day.tolist() for column in ("question_time", "item_time")]
    assert days == [[4, 4, 4, 5, 5, 5, 5, 10, 10], [1, 2, 3, 1, 2, 3, 4, 1, 2]]


def test_lengths_leave_out_white_space_around(tmp_path: Path) -> None:
    rows = make_rows()
    rows.items[1]["input"] = " \u00e9t\u00e9 \n"
    frame = frame_items(open_rows(tmp_path, rows), SCORE, show_texts=False)
    assert frame["input_length"].tolist() == [19, 3, 19, 19, 19, 19]
    assert frame["label"].tolist() == ["1"] * 6


def test_golds_are_counted_but_for_case_and_white_space(tmp_path: Path) -> None:
    rows = make_rows(HEADLINE)
    for row, title in enumerate(["Same  title", "SAME TITLE", "same title!", "same title"]):
        rows.items[row]["output"] = title
    rows.questions[0]["output"] = " same title"
    rows.questions[1]["output"] = " same title"
    frame = frame_questions(open_rows(tmp_path, rows), HEADLINE, show_texts=False)
    assert frame["golds_in_history"].tolist() == [2, 3, 0, pd.NA]
    assert frame["history_length"].tolist() == [3, 4, 2, 0]


@pytest.mark.parametrize("task", [SCORE, HEADLINE], ids=lambda task: task.name)
def test_no_frame_holds_a_text(tmp_path: Path, task: Task) -> None:
    rows = make_rows(task)
    rows.items[0]["output"] = SECRET
    tables = open_rows(tmp_path, rows)
    for frame in (
        frame_items(tables, task, show_texts=False),
        frame_questions(tables, task, show_texts=False),
        frame_links(tables),
    ):
        assert frame.index.equals(pd.RangeIndex(len(frame)))
        assert SECRET not in frame.to_csv()


def test_columns_are_compared_with_the_schema() -> None:
    table = HistoryRows([], []).item_table().drop_columns("time").append_column("more", [[]])
    frame = frame_columns(table, ITEM_SCHEMA)
    assert frame["column"].tolist() == [*ITEM_SCHEMA.names, "more"]
    assert frame["type"].tolist() == ["string"] * 2 + ["missing"] + ["string"] * 3 + ["null"]
    assert frame["expected_type"].tolist() == (
        ["string"] * 2 + ["timestamp[s]"] + ["string"] * 3 + ["no such column"]
    )
