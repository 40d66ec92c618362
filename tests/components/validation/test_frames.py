"""Frames for Great Expectations: lengths, labels and flags piece by piece; no texts."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from components.histories.tables import ITEM_SCHEMA, HistoryRows
from components.tasks.task import Task
from components.validation import frames
from components.validation.frames import frame_columns, frame_table
from components.validation.report import TableName
from components.validation.source_tables import SourceTables
from tests.components.validation.histories import (
    HEADLINE,
    SCORE,
    SECRET,
    make_rows,
    open_rows,
)


def frame(name: TableName, tables: SourceTables, task: Task = SCORE, **flags: Any) -> pd.DataFrame:
    return pd.concat(frame_table(name, tables, flags, task, show_texts=False))


def test_lengths_leave_out_white_space_around(tmp_path: Path) -> None:
    rows = make_rows()
    rows.items[1]["input"] = " \u00e9t\u00e9 \n"
    found = frame("items", open_rows(tmp_path, rows))
    assert found["input_length"].tolist() == [19, 3, 19, 19, 19, 19]
    assert found["label"].tolist() == ["1"] * 6


@pytest.mark.parametrize("rows_per_frame", [1, 4, 100])
def test_pieces_are_the_whole_with_its_flags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_per_frame: int
) -> None:
    tables = open_rows(tmp_path, make_rows())
    monkeypatch.setattr(frames, "ROWS_PER_FRAME", rows_per_frame)
    for name, num_rows in (("items", 6), ("questions", 4), ("history_links", 9)):
        flag = np.arange(num_rows) % 2 > 0
        pieces = list(frame_table(name, tables, {"flag": flag}, SCORE, show_texts=False))
        assert max(map(len, pieces)) == min(rows_per_frame, num_rows)
        found = pd.concat(pieces)
        assert found.index.tolist() == list(range(num_rows))
        assert found["flag"].tolist() == flag.tolist()


def test_a_table_without_rows_has_one_frame_with_its_columns(tmp_path: Path) -> None:
    tables = open_rows(tmp_path, HistoryRows([], []))
    [found] = frame_table("questions", tables, {}, SCORE, show_texts=False)
    assert len(found) == 0
    assert {"question_id_length", "label", "history_length"} <= set(found.columns)


def test_a_question_without_history_has_none(tmp_path: Path) -> None:
    found = frame("questions", open_rows(tmp_path, make_rows()))
    assert found["history_length"].tolist() == [3, 4, 2, 0]


@pytest.mark.parametrize("task", [SCORE, HEADLINE], ids=lambda task: task.name)
def test_no_frame_holds_a_text(tmp_path: Path, task: Task) -> None:
    rows = make_rows(task)
    rows.items[0]["output"] = SECRET
    tables = open_rows(tmp_path, rows)
    for name in ("items", "questions"):
        assert SECRET not in frame(name, tables, task).to_csv()


def test_columns_are_compared_with_the_schema() -> None:
    table = HistoryRows([], []).item_table().drop_columns("time").append_column("more", [[]])
    frame = frame_columns(table, ITEM_SCHEMA)
    assert frame["column"].tolist() == [*ITEM_SCHEMA.names, "more"]
    assert frame["type"].tolist() == ["string"] * 2 + ["missing"] + ["string"] * 3 + ["null"]
    assert frame["expected_type"].tolist() == (
        ["string"] * 2 + ["timestamp[s]"] + ["string"] * 3 + ["no such column"]
    )
