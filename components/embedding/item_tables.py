"""Item tables: the history items that a batch job reads, from Arrow or parquet files.

Columns: `user_id`, `item_id` (unique among the user's items); `input` and `output` (the item's
text and label) or `text` (what the history encoder reads), or all three; `time`; `is_appended`
(whether serving had added it, in an export of a store). A file lies here
or wherever fsspec reaches (s3://, gs://, ...). `Histories.items` and what
`components.personas.export` writes are such tables.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, Self

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.histories.tables import ITEM_SCHEMA

REQUIRED = ("user_id", "item_id")
ITEM_TABLE_SCHEMA = ITEM_SCHEMA.append(pa.field("is_appended", pa.bool_()))
SUFFIXES = (".parquet", ".arrow", ".feather")
ARROW_FILE_MARK = b"ARROW1"
VERSION_FIELDS = ("ETag", "etag", "md5Hash", "generation", "LastModified", "mtime")
"""What file systems call that which changes with a file's content."""


@dataclass(frozen=True)
class ItemFile:
    """One file of items."""

    filesystem: Any
    path: str

    @property
    def name(self) -> str:
        """How messages call it."""
        return str(self.filesystem.unstrip_protocol(self.path)).removeprefix("file://")

    def identify(self) -> dict[str, str]:
        """Return name, size and version: another content has another one."""
        about = self.filesystem.info(self.path)
        version = next((about[name] for name in VERSION_FIELDS if about.get(name)), "")
        return {"name": self.name, "bytes": str(about["size"]), "version": str(version)}

    def read(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield the columns that are there, piece by piece.

        Raises:
            ValueError: If the file can't be read, or has no ids; names the file.
        """
        try:
            with self.filesystem.open(self.path, "rb") as file:
                for batch in _read_batches(file, self.path, columns):
                    yield pa.Table.from_batches([batch])
        except (pa.ArrowException, OSError) as err:
            raise ValueError(f"{self.name}: can't be read: {err}") from err


@dataclass(frozen=True)
class Piece:
    """Some rows of a file, with all columns of ITEM_TABLE_SCHEMA; `text` may be null."""

    file: ItemFile
    first_row: int
    """From 0."""
    table: pa.Table


class ItemTables:
    """The files of a batch, in one order.

    Args:
        files: Files of items.
    """

    def __init__(self, files: Sequence[ItemFile]) -> None:
        self.files = files

    @classmethod
    def find(cls, places: Sequence[str]) -> Self:
        """Return the files at some places: paths or addresses, with wildcards or without.

        Raises:
            ValueError: If there is nothing at a place, or a file of another kind.
        """
        files = []
        for place in places:
            try:
                filesystem, pattern = fsspec.core.url_to_fs(place)
                found = sorted(filesystem.glob(pattern))
            except (OSError, ImportError) as err:  # the package for s3:// or another may lack
                raise ValueError(f"{place}: can't be read: {err}") from err
            if not found:
                raise ValueError(f"{place}: there is no such file")
            files += [ItemFile(filesystem, path) for path in found]
        for file in files:
            if not file.path.lower().endswith(SUFFIXES):
                raise ValueError(f"{file.name}: the name must end in one of {SUFFIXES}")
        return cls(files)

    def identify(self) -> str:
        """Return a sha256 over names, sizes and versions of all files."""
        text = json.dumps([file.identify() for file in self.files])
        return hashlib.sha256(text.encode()).hexdigest()

    def read_users(self) -> Iterator[tuple[int, pa.ChunkedArray]]:
        """Yield the column of user ids piece by piece, with the file's row that each begins at."""
        for file in self.files:
            first_row = 0
            for table in file.read(["user_id"]):
                yield first_row, _cast(file, table, "user_id")
                first_row += len(table)

    def read(self) -> Iterator[Piece]:
        """Yield all rows.

        Raises:
            ValueError: If a file can't be read, lacks a column, or a column is of another type;
                names file and field.
        """
        for file in self.files:
            first_row = 0
            for table in file.read(ITEM_TABLE_SCHEMA.names):
                yield Piece(file, first_row, _conform(file, table))
                first_row += len(table)


def _read_batches(file: IO[bytes], path: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    if path.lower().endswith(".parquet"):
        with pq.ParquetFile(file) as parquet:
            there = [name for name in columns if name in parquet.schema_arrow.names]
            yield from parquet.iter_batches(columns=there)
        return
    is_file = file.read(len(ARROW_FILE_MARK)) == ARROW_FILE_MARK
    file.seek(0)
    opened = pa.ipc.open_file(file) if is_file else pa.ipc.open_stream(file)
    with opened as reader:
        batches = map(reader.get_batch, range(reader.num_record_batches)) if is_file else reader
        there = [name for name in columns if name in reader.schema.names]
        for batch in batches:
            yield batch.select(there)


def _conform(file: ItemFile, table: pa.Table) -> pa.Table:
    """Return the columns of ITEM_TABLE_SCHEMA, null where they lack."""
    if not {"text", "input"} & set(table.column_names):
        raise ValueError(f"{file.name}: has neither a column 'input' nor 'text'")
    columns = {
        name: _cast(file, table, name)
        if name in REQUIRED or name in table.column_names
        else pa.nulls(len(table), ITEM_TABLE_SCHEMA.field(name).type)
        for name in ITEM_TABLE_SCHEMA.names
    }
    columns["is_appended"] = pc.fill_null(columns["is_appended"], False)
    return pa.table(columns, schema=ITEM_TABLE_SCHEMA)


def _cast(file: ItemFile, table: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        raise ValueError(f"{file.name}: has no column {name!r}")
    column, wanted = table[name], ITEM_TABLE_SCHEMA.field(name).type
    try:
        if pa.types.is_floating(column.type) and wanted == pa.string():
            column = _write_numbers(column)
        # Times are cut to whole seconds, as everywhere.
        return pc.cast(column, wanted, safe=not pa.types.is_temporal(wanted))
    except pa.ArrowException:
        # Not Arrow's own words: they show the value.
        raise ValueError(
            f"{file.name}, field {name!r}: is {column.type}, which can't be read as {wanted}"
        ) from None


def _write_numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return 5.0 as "5", as the readers of source files do; what is no number is null."""
    numbers = pc.if_else(pc.is_finite(column), column, None)
    whole = pc.equal(pc.round(numbers), numbers)
    digits = pc.cast(pc.cast(pc.if_else(whole, numbers, 0), pa.int64()), pa.string())
    return pc.if_else(whole, digits, pc.cast(numbers, pa.string()))
