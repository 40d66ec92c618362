"""Frames that Great Expectations judges: ids, lengths, times and flags instead of users' texts.

What stands in a frame can end up in a validation result and in the Data Docs. So a text is
represented by its length, and an unknown label by a stand-in. A frame's index counts the rows of
its table from 0.

Legend: I items, Q questions, L history links (a link is one item in one question's history).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from components.histories.tables import Histories
from components.tasks.task import Task

ITEM_TEXTS = ("user_id", "item_id", "text", "input")
"""Columns of items that must not be blank: a rendered text has words of the template even when
the input is empty, so both count."""
QUESTION_TEXTS = ("question_id", "user_id", "split", "input", "payload", "output")
"""Columns of questions that must not be blank; `output` is the gold."""


@dataclass(frozen=True)
class SourceTables:
    """The tables as they came, and the history links taken apart."""

    items: pa.Table
    questions: pa.Table
    question_rows_L: np.ndarray
    """int64 [L], the question of each link; links stand question by question, oldest first."""
    item_rows_L: np.ndarray
    """int64 [L], the item of each link, -1 where it points at none."""


def open_tables(histories: Histories) -> tuple[pa.Table, pa.Table]:
    """Return items and questions, memory-mapped as they lie on disk."""
    items, questions = (
        dataset.with_format("arrow")[:] for dataset in (histories.items, histories.questions)
    )
    return items, questions


def take_apart(items: pa.Table, questions: pa.Table) -> SourceTables:
    """List the history links of questions whose columns are as they should be."""
    history = questions["history"].combine_chunks()
    rows = pc.fill_null(pc.list_flatten(history), -1).to_numpy().astype(np.int64)
    return SourceTables(
        items=items,
        questions=questions,
        question_rows_L=pc.list_parent_indices(history).to_numpy(),
        item_rows_L=np.where((rows >= 0) & (rows < len(items)), rows, -1),
    )


def frame_columns(table: pa.Table, expected: pa.Schema) -> pd.DataFrame:
    """Return one row for each column that there is or should be, with both types in words."""
    columns = list(dict.fromkeys([*expected.names, *table.column_names]))
    return pd.DataFrame(
        {
            "column": columns,
            "type": [_type_of(table.schema, column, "missing") for column in columns],
            "expected_type": [_type_of(expected, column, "no such column") for column in columns],
        }
    )


def frame_items(tables: SourceTables, task: Task, show_texts: bool) -> pd.DataFrame:
    """Return a row an item: ids, lengths in characters without blanks around, label."""
    frame = _start_frame(tables.items, ("user_id", "item_id"), ITEM_TEXTS)
    if task.labels:
        frame["label"] = _show_labels(tables.items["output"], task, show_texts)
    return frame


def frame_questions(tables: SourceTables, task: Task, show_texts: bool) -> pd.DataFrame:
    """Return a row a question: ids, lengths in characters, history length, label.

    Of a text task, `golds_in_history` counts the items of the history whose output is the gold,
    but for case and white space; it is missing where the history has no outputs to compare.
    """
    frame = _start_frame(tables.questions, ("user_id", "question_id"), QUESTION_TEXTS)
    frame["history_length"] = _as_integers(pc.list_value_length(tables.questions["history"]))
    if task.labels:
        frame["label"] = _show_labels(tables.questions["output"], task, show_texts)
    else:
        frame["golds_in_history"] = _count_golds(tables)
    return frame


def frame_links(tables: SourceTables) -> pd.DataFrame:
    """Return a row a history link: times of question and item, and whether the user is the same."""
    known_L = tables.item_rows_L >= 0
    question_times, item_times = (
        table["time"].to_numpy() for table in (tables.questions, tables.items)
    )
    item_times_L = _take(item_times, tables.item_rows_L, np.datetime64("NaT", "s"))
    users = pc.unique(tables.items["user_id"].drop_null())
    owners, askers = (
        pc.index_in(table["user_id"], value_set=users).fill_null(missing).to_numpy()
        for table, missing in ((tables.items, -1), (tables.questions, -2))
    )
    owners_L = _take(owners, tables.item_rows_L, -1)
    return pd.DataFrame(
        {
            "question_time": question_times[tables.question_rows_L],
            "item_time": item_times_L,
            "own_item": known_L & (owners_L == askers[tables.question_rows_L]),
        }
    )


def _type_of(schema: pa.Schema, column: str, otherwise: str) -> str:
    return str(schema.field(column).type) if column in schema.names else otherwise


def _start_frame(table: pa.Table, ids: tuple[str, ...], texts: tuple[str, ...]) -> pd.DataFrame:
    columns: dict[str, Any] = {name: table[name].to_pandas() for name in ids}
    for name in texts:
        length = pc.utf8_length(pc.utf8_trim_whitespace(table[name]))
        columns[f"{name}_length"] = length.fill_null(0).to_numpy()
    return pd.DataFrame(columns)


def _as_integers(column: pa.ChunkedArray) -> pd.Series:
    return column.to_pandas(types_mapper={pa.int32(): pd.Int32Dtype()}.get)


def _show_labels(column: pa.ChunkedArray, task: Task, show_texts: bool) -> pd.Series:
    """Return outputs that are labels as they are, and of others only how long they are."""
    if show_texts:
        return column.to_pandas()
    known = pc.is_in(column, value_set=pa.array(task.labels, pa.string()))
    length = pc.cast(pc.utf8_length(column), pa.string())
    stand_in = pc.binary_join_element_wise("(another text of", length, "characters)", " ")
    return pc.if_else(pc.or_(known, pc.is_null(column)), column, stand_in).to_pandas()


def _count_golds(tables: SourceTables) -> pd.Series:
    codes: dict[str, int] = {}
    outputs, golds = (
        np.array(
            [_encode(text, codes, missing) for text in table["output"].to_pylist()], dtype=np.int64
        )
        for table, missing in ((tables.items, -1), (tables.questions, -2))
    )
    outputs_L = _take(outputs, tables.item_rows_L, -1)
    num_questions = len(golds)
    comparable, copies = (
        np.bincount(tables.question_rows_L[chosen_L], minlength=num_questions)
        for chosen_L in (outputs_L >= 0, outputs_L == golds[tables.question_rows_L])
    )
    return pd.Series(copies, dtype="Int64").mask(comparable == 0)


def _encode(text: str | None, codes: dict[str, int], missing: int) -> int:
    words = " ".join((text or "").casefold().split())
    return codes.setdefault(words, len(codes)) if words else missing


def _take(values: np.ndarray, rows: np.ndarray, otherwise: Any) -> np.ndarray:
    """Return values[rows], and `otherwise` where the row is -1."""
    return np.append(values, np.array([otherwise], dtype=values.dtype))[rows]
