"""Frames that Great Expectations judges: lengths, labels and flags instead of users' texts.

What stands in a frame can end up in a validation result and in the Data Docs. So a text is
represented by its length, and an unknown label by a stand-in. A table is framed piece by piece;
the index of a frame is the row in its table, from 0.
"""

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from components.tasks.task import Task
from components.validation.flags import Flags
from components.validation.report import TableName
from components.validation.source_tables import SourceTables

ITEM_TEXTS = ("user_id", "item_id", "text", "input")
"""Columns of items that must not be blank: a rendered text has words of the template even when
the input is empty, so both count."""
QUESTION_TEXTS = ("question_id", "user_id", "split", "input", "payload", "output")
"""Columns of questions that must not be blank; `output` is the gold."""
ROWS_PER_FRAME = 100_000


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


def frame_table(
    name: TableName, tables: SourceTables, flags: Flags, task: Task, show_texts: bool
) -> Iterator[pd.DataFrame]:
    """Yield the frames of a table, at least one.

    Args:
        name: Which table.
        tables: Where its rows are; history links have nothing but flags.
        flags: Its flags, for all of its rows.
        task: Whose labels may be shown.
        show_texts: Whether other outputs may be shown as well.
    """
    sources = tables.with_texts
    num_rows = len(sources[name]) if name in sources else len(tables.item_rows_L)
    for start in range(0, max(num_rows, 1), ROWS_PER_FRAME):
        stop = min(start + ROWS_PER_FRAME, num_rows)
        columns: dict[str, Any] = {column: values[start:stop] for column, values in flags.items()}
        if name in sources:
            piece = sources[name].slice(start, stop - start)
            columns |= _measure_lengths(piece, ITEM_TEXTS if name == "items" else QUESTION_TEXTS)
            if task.labels:
                columns["label"] = _show_labels(piece["output"], task, show_texts)
        if name == "questions":
            length = pc.list_value_length(piece["history"])
            types = {pa.int32(): pd.Int32Dtype()}.get
            columns["history_length"] = length.to_pandas(types_mapper=types).array
        yield pd.DataFrame(columns, index=pd.RangeIndex(start, stop))


def _type_of(schema: pa.Schema, column: str, otherwise: str) -> str:
    return str(schema.field(column).type) if column in schema.names else otherwise


def _measure_lengths(table: pa.Table, columns: tuple[str, ...]) -> dict[str, Any]:
    """Return lengths in characters without blanks around; of no text, 0."""
    lengths = {}
    for name in columns:
        length = pc.utf8_length(pc.utf8_trim_whitespace(table[name]))
        lengths[f"{name}_length"] = length.fill_null(0).to_numpy()
    return lengths


def _show_labels(column: pa.ChunkedArray, task: Task, show_texts: bool) -> Any:
    """Return outputs that are labels as they are, and of others only how long they are."""
    if show_texts:
        return column.to_pandas().to_numpy()
    known = pc.is_in(column, value_set=pa.array(task.labels, pa.string()))
    length = pc.cast(pc.utf8_length(column), pa.string())
    stand_in = pc.binary_join_element_wise("(another text of", length, "characters)", " ")
    return pc.if_else(pc.or_(known, pc.is_null(column)), column, stand_in).to_pandas().to_numpy()
