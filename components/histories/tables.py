"""The tables of users' histories: items, questions, and the files that hold them.

The same content gives the same bytes, so the folder's hash tells whether anything changed. The
files are uncompressed Arrow streams, written batch by batch and mapped into memory;
`datasets.Dataset.save_to_disk` is not used, since its fingerprint differs from run to run.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset
from datasets.table import InMemoryTable
from numpy.typing import NDArray

from components.folder import Folder, hash_files, write_folder
from components.histories.events import WATERMARK, Watermark

Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")

ITEM_SCHEMA = pa.schema(
    {
        "user_id": pa.string(),
        "item_id": pa.string(),
        "time": pa.timestamp("s"),
        "text": pa.string(),
        "input": pa.string(),
        "output": pa.string(),
    }
)
QUESTION_SCHEMA = pa.schema(
    {
        "question_id": pa.string(),
        "user_id": pa.string(),
        "split": pa.string(),
        "time": pa.timestamp("s"),
        "input": pa.string(),
        "payload": pa.string(),
        "output": pa.string(),
        "history": pa.list_(pa.int32()),
    }
)
NULLABLE = frozenset({("items", "time"), ("items", "output"), ("questions", "time")})
ROWS_PER_BATCH = 10_000
WATERMARK_FILE = "watermark.json"

TableSource: TypeAlias = pa.Table | Dataset | Iterable[pa.Table]
"""A table, or its pieces one after another; these need not fit into memory together."""


class ItemRow(TypedDict):
    """One history item; `text` is what the history encoder reads."""

    user_id: str
    item_id: str
    time: datetime | None
    text: str
    input: str
    output: str | None


class QuestionRow(TypedDict):
    """One question; `history` holds row numbers of items, oldest first."""

    question_id: str
    user_id: str
    split: Split
    time: datetime | None
    input: str
    payload: str
    output: str
    history: Sequence[int] | NDArray[np.int32]


@dataclass(frozen=True)
class HistoryRows:
    """What a reader found: rows of both tables, and limits where they are known."""

    items: list[ItemRow]
    questions: list[QuestionRow]
    limits: dict[str, Any] = field(default_factory=dict)

    def item_table(self) -> pa.Table:
        """Return the items as an Arrow table."""
        return pa.Table.from_pylist(self.items, schema=ITEM_SCHEMA)

    def question_table(self) -> pa.Table:
        """Return the questions as an Arrow table."""
        return pa.Table.from_pylist(self.questions, schema=QUESTION_SCHEMA)


class Histories(Folder):
    """Users' histories and the questions asked of them: two tables, perhaps more.

    The datasets are mapped into memory from a file, and know nothing of that file: what
    `Dataset.map` or `filter` derive from them never lands in this folder.
    """

    @property
    def items(self) -> Dataset:
        """The history items, by user, time (unknown first) and order in the source."""
        return _open_table(self.path / "items" / "data.arrow")

    @property
    def questions(self) -> Dataset:
        """The questions of all splits; `history` holds row numbers of `items`."""
        return _open_table(self.path / "questions" / "data.arrow")

    @property
    def limits(self) -> dict[str, Any]:
        """What ideal judges answer, {judge: {metric: {question_id: answer}}}; empty if unknown."""
        path = self.path / "limits.json"
        limits: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        return limits

    @property
    def watermark(self) -> Watermark | None:
        """Up to where the event files or the persona store were read; none of another source."""
        path = self.path / WATERMARK_FILE
        return WATERMARK.validate_json(path.read_text("utf-8")) if path.exists() else None

    def content_hash(self) -> str:
        """Return the hash of all files but the watermark.

        The same rows, read again from other files or a later generation, are the same histories: no
        later step runs again, and a model's histories keep the watermark of their first reading.
        """
        return hash_files(self.path, [file for file in self.files() if file.name != WATERMARK_FILE])


def write_histories(
    directory: Path,
    items: TableSource,
    questions: TableSource,
    limits: dict[str, Any] | None = None,
    watermark: Watermark | None = None,
) -> Histories:
    """Write both tables to a new directory; the same content gives the same bytes.

    Args:
        directory: Where to write: not there yet, or empty. It appears complete or not at all.
        items: Columns as in ITEM_SCHEMA, sorted as `Histories.items` says.
        questions: Columns as in QUESTION_SCHEMA.
        limits: What ideal judges answer, where known.
        watermark: Up to where the source was read, where it has one.

    Raises:
        ValueError: If the directory is not empty, a column is missing, unknown, of another type or
            has nulls, or if a history points at no item.
    """
    with write_folder(directory) as staging:
        num_items = _write_table(staging, "items", _conform("items", items, ITEM_SCHEMA))
        pieces = _conform("questions", questions, QUESTION_SCHEMA)
        _write_table(staging, "questions", _check_links(pieces, num_items))
        if limits:
            text = json.dumps(limits, indent=1, sort_keys=True, ensure_ascii=False)
            (staging / "limits.json").write_text(text + "\n", encoding="utf-8")
        if watermark:
            text = watermark.model_dump_json(indent=1)
            (staging / WATERMARK_FILE).write_text(text + "\n", encoding="utf-8")
    return Histories.at(directory)


def _conform(name: str, source: TableSource, schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield the pieces with the schema's columns, in its order and types, or say what is wrong."""
    num_before = 0
    for piece in _take_apart(source):
        if set(piece.column_names) != set(schema.names):
            raise ValueError(f"{name}: columns are {piece.column_names}, expected {schema.names}")
        table = piece.select(schema.names).replace_schema_metadata(None)
        try:
            table = table.cast(schema)
        except pa.ArrowInvalid as err:
            raise ValueError(f"{name}: {err}; expected {schema.to_string()}") from err
        for column in schema.names:
            if table[column].null_count and (name, column) not in NULLABLE:
                row = num_before + pc.index(pc.is_null(table[column]), True).as_py()
                raise ValueError(f"{name}, row {row + 1}, field {column!r}: has no value")
        num_before += len(table)
        yield table


def _take_apart(source: TableSource) -> Iterator[pa.Table]:
    if isinstance(source, pa.Table):
        yield source
    elif isinstance(source, Dataset):
        rows = source.with_format("arrow")
        for start in range(0, max(1, len(source)), ROWS_PER_BATCH):
            yield rows[start : start + ROWS_PER_BATCH]
    else:
        yield from source


def _check_links(questions: Iterable[pa.Table], num_items: int) -> Iterator[pa.Table]:
    for piece in questions:
        rows = pc.list_flatten(piece["history"])
        bounds = pc.min_max(rows).as_py()
        if len(rows) and not 0 <= bounds["min"] <= bounds["max"] < num_items:
            raise ValueError(
                f"questions, field 'history': rows from {bounds['min']} to {bounds['max']}, "
                f"but there are {num_items} items"
            )
        yield piece


def _write_table(directory: Path, name: str, pieces: Iterable[pa.Table]) -> int:
    """Write `name/data.arrow` in batches of one size, however the pieces came; return the rows."""
    path = directory / name / "data.arrow"
    path.parent.mkdir(parents=True)
    schema = {"items": ITEM_SCHEMA, "questions": QUESTION_SCHEMA}[name]
    num_rows = 0
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        for batch in _regroup(pieces, schema):
            writer.write_table(batch)
            num_rows += len(batch)
    return num_rows


def _regroup(pieces: Iterable[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield tables of one chunk and ROWS_PER_BATCH rows; the last one may have fewer."""
    waiting = schema.empty_table()
    for piece in pieces:
        waiting = pa.concat_tables([waiting, piece])
        while len(waiting) >= ROWS_PER_BATCH:
            yield _copy(waiting.slice(0, ROWS_PER_BATCH))
            waiting = waiting.slice(ROWS_PER_BATCH)
    if len(waiting):
        yield _copy(waiting)


def _copy(table: pa.Table) -> pa.Table:
    """Put the rows into new buffers: those of a slice are written with other padding."""
    columns = [pa.concat_arrays(column.chunks) for column in table.columns]
    return pa.table(columns, schema=table.schema)


def _open_table(path: Path) -> Dataset:
    """Map an Arrow stream into memory; the fingerprint saves `datasets` from hashing all rows."""
    with pa.memory_map(str(path), "r") as source:
        table = pa.ipc.open_stream(source).read_all()
    stat = path.stat()
    known_by = f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}"
    fingerprint = hashlib.sha256(known_by.encode()).hexdigest()[:16]
    return Dataset(InMemoryTable(table), fingerprint=fingerprint)
