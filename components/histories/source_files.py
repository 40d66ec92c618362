"""Reading source files: plain or .gz, JSON, JSONL, CSV or parquet, with errors that say where."""

import csv
import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

SUFFIXES = (".jsonl", ".jsonl.gz", ".csv", ".csv.gz", ".parquet")

NumberedRow = tuple[int, dict[str, Any]]
"""A row and its number: the line of the file where it ends, for parquet the row, from 1."""


def read_json(path: Path) -> Any:
    """Read one JSON document.

    Raises:
        ValueError: If the file is absent, empty, cut off or no JSON; names the file and place.
    """
    with open_text(path) as file:
        text = file.read()
    if not text.strip():
        raise ValueError(f"{path}: the file is empty")
    try:
        return json.loads(text)
    except json.JSONDecodeError as err:
        raise ValueError(
            f"{path}, row {err.lineno}, column {err.colno}: no JSON: {err.msg}"
        ) from err


def read_rows(path: Path) -> Iterator[NumberedRow]:
    """Read the rows of a JSONL, CSV or parquet file, one after another.

    Raises:
        ValueError: If the file is absent, empty, cut off, of another kind, or has a bad row.
    """
    name = path.name.lower()
    kind = name.removesuffix(".gz").rpartition(".")[2]
    readers = {"jsonl": _read_jsonl, "csv": _read_csv, "parquet": _read_parquet}
    if not name.endswith(SUFFIXES):
        raise ValueError(f"{path}: unknown kind of file; its name must end in one of {SUFFIXES}")
    num_rows = 0
    for numbered in readers[kind](path):
        num_rows += 1
        yield numbered
    if not num_rows:
        raise ValueError(f"{path}: the file is empty")


@contextmanager
def open_text(path: Path) -> Iterator[IO[str]]:
    """Open a UTF-8 text file, unpacked if it is a .gz; what is wrong while reading names the file.

    Raises:
        ValueError: If the file is absent, is cut off, or is no gzip or no UTF-8.
    """
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file")
    opener: Any = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            yield file
    except EOFError as err:
        raise ValueError(f"{path}: the .gz file is cut off before its end") from err
    except (gzip.BadGzipFile, zlib.error) as err:
        raise ValueError(f"{path}: no valid .gz file: {err}") from err
    except UnicodeDecodeError as err:
        raise ValueError(f"{path}: no UTF-8 at byte {err.start} of what was read: {err}") from err


def _read_jsonl(path: Path) -> Iterator[NumberedRow]:
    with open_text(path) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.rstrip("\r\n"))  # columns count from the last line break
            except json.JSONDecodeError as err:
                raise ValueError(
                    f"{path}, row {number}, column {err.colno}: no JSON: {err.msg}"
                ) from err
            if not isinstance(row, dict):
                raise ValueError(
                    f"{path}, row {number}: expected an object with named fields, "
                    f"got {type(row).__name__}"
                )
            yield number, row


def _read_csv(path: Path) -> Iterator[NumberedRow]:
    with open_text(path) as file:
        reader = csv.DictReader(file, strict=True)
        try:
            for row in reader:
                if None in row:
                    raise ValueError(
                        f"{path}, row {reader.line_num}: more values than the "
                        f"{len(reader.fieldnames or ())} columns of the first line"
                    )
                yield reader.line_num, row
        except csv.Error as err:
            # DictReader counts a line once its row is whole, the reader below it once it is read.
            first, last = reader.line_num + 1, reader.reader.line_num
            place = f"row {last}" if first == last else f"rows {first} to {last}"
            raise ValueError(f"{path}, {place}: no valid CSV: {err}") from err


def _read_parquet(path: Path) -> Iterator[NumberedRow]:
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file")
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches():
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (pa.ArrowInvalid, OSError) as err:
        raise ValueError(f"{path}: no valid parquet file: {err}") from err
