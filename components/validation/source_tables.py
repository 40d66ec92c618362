"""The tables as they came, with what several rules need: links taken apart, users as numbers.

Legend: I items, Q questions, L history links (a link is one item in one question's history).
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.histories.tables import Histories
from components.tasks.task import Task
from components.validation.report import TableName

IntArray = NDArray[np.int64]

USERS_TEXTS: dict[TableName, tuple[str, ...]] = {
    "items": ("text", "input", "output"),
    "questions": ("input", "payload", "output"),
}
"""Columns with what users wrote; an output only where it is no label. The first one is rendered,
and may hold fields that have no column of their own."""


@dataclass(frozen=True)
class SourceTables:
    """Items and questions whose columns are as they should be."""

    items: pa.Table
    questions: pa.Table
    question_rows_L: IntArray
    """The question of each link; links stand question by question, oldest first."""
    item_rows_L: IntArray
    """The item of each link, -1 where it points at none."""
    user_ids: pa.Array
    """The different users, [U]."""
    users_I: IntArray
    """Each item's place among them, -1 without one."""
    users_Q: IntArray
    """Each question's place among them, -1 without one."""

    @property
    def with_texts(self) -> dict[TableName, pa.Table]:
        """The tables that hold what users wrote, by name; history links have none."""
        return {"items": self.items, "questions": self.questions}


def open_tables(histories: Histories) -> tuple[pa.Table, pa.Table]:
    """Return items and questions, memory-mapped as they lie on disk."""
    items, questions = (
        dataset.with_format("arrow")[:] for dataset in (histories.items, histories.questions)
    )
    return items, questions


def take_apart(items: pa.Table, questions: pa.Table) -> SourceTables:
    """List the history links and the users."""
    history = questions["history"].combine_chunks()
    rows = pc.fill_null(pc.list_flatten(history), -1).to_numpy().astype(np.int64)
    ids = [table["user_id"] for table in (items, questions)]
    user_ids = pc.unique(pa.chunked_array([pc.unique(column) for column in ids])).drop_null()
    users_I, users_Q = (
        pc.index_in(column, value_set=user_ids).fill_null(-1).to_numpy().astype(np.int64)
        for column in ids
    )
    return SourceTables(
        items=items,
        questions=questions,
        question_rows_L=pc.list_parent_indices(history).to_numpy(),
        item_rows_L=np.where((rows >= 0) & (rows < len(items)), rows, -1),
        user_ids=user_ids,
        users_I=users_I,
        users_Q=users_Q,
    )


def list_texts(name: TableName, task: Task) -> tuple[str, ...]:
    """Return the columns of items or questions with what users wrote."""
    return tuple(column for column in USERS_TEXTS[name] if column != "output" or not task.labels)


def take_texts(texts_N: pa.ChunkedArray, rows: IntArray) -> pa.ChunkedArray:
    """Return texts[rows]; Arrow's own `take` would copy the whole column, of 2 GB at most."""
    order = np.argsort(rows, kind="stable")
    sizes = np.array([len(chunk) for chunk in texts_N.chunks], np.int64)
    ends = np.cumsum(sizes)
    bounds = np.concatenate([[0], np.searchsorted(rows[order], ends)])
    taken = [
        chunk.take(pa.array(rows[order[start:stop]] - (end - len(chunk))))
        for chunk, end, start, stop in zip(texts_N.chunks, ends, bounds, bounds[1:], strict=False)
        if stop > start
    ]
    found = pa.chunked_array(taken, texts_N.type)
    if (order[1:] > order[:-1]).all():
        return found
    return found.take(pa.array(np.argsort(order, kind="stable")))


def take_or(values: np.ndarray, rows: IntArray, otherwise: object) -> np.ndarray:
    """Return values[rows], and `otherwise` where the row is -1."""
    return np.append(values, np.array([otherwise], dtype=values.dtype))[rows]
