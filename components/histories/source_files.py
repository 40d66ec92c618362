"""Reading source files: plain or .gz, JSON, JSONL, CSV or parquet, with errors that say where."""

import codecs
import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import ijson
import pyarrow as pa
import pyarrow.parquet as pq

SUFFIXES = (".jsonl", ".jsonl.gz", ".csv", ".csv.gz", ".parquet")

MAX_FIELD_LENGTH = 1 << 30
"""Characters of a CSV field; whether a text is too long to use, the validation says."""

NumberedRow = tuple[int, dict[str, Any]]
"""A row and its number: the line of the file where it ends, for parquet the row, from 1."""
JSON_TYPES = {"start_map": "dict", "string": "str", "number": "number", "boolean": "bool"}
"""What stands in a JSON document, by how it begins."""


def read_json(path: Path) -> Any:
    """Read one JSON document.

    Raises:
        ValueError: If the file is absent, empty, cut off or no JSON; names the file and place.
    """
    with open_text(path) as file:
        text = file.read()
    if not text.strip():
        raise ValueError(f"{path}: the file is empty")
    return _parse_json(text, str(path), 1)


def read_elements(path: Path, kind: str) -> Iterator[Any]:
    """Read the elements of a JSON array one after another, however large the file is.

    Args:
        path: The file.
        kind: What an element is ("question"), for errors.

    Raises:
        ValueError: If the file is absent, empty, cut off, no JSON or no array; names the file and
            the number of the element.
    """
    number = 0
    with open_bytes(path) as file:
        try:
            event, _ = next(ijson.basic_parse(file))
            if event != "start_array":
                came = JSON_TYPES.get(event, "null")
                raise ValueError(f"{path}: expected a list of {kind}s, got {came}")
            _rewind(file)
            for element in ijson.items(file, "item", use_float=True):
                number += 1
                yield element
        except ijson.JSONError as err:
            _rewind(file)
            if not file.read(io.DEFAULT_BUFFER_SIZE).strip():
                raise ValueError(f"{path}: the file is empty") from err
            # The rest of the message shows what stands there.
            problem = str(err).partition("\n")[0]
            raise ValueError(f"{path}, {kind} number {number + 1}: no JSON: {problem}") from err


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
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open a file behind any byte order mark, unpacked if it is a .gz; what is wrong names it.

    Raises:
        ValueError: If the file is absent, is cut off, or is no gzip or no UTF-8.
    """
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file")
    opener: Any = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opener(path, "rb") as file:
            _rewind(file)
            yield file
    except EOFError as err:
        raise ValueError(f"{path}: the .gz file is cut off before its end") from err
    except (gzip.BadGzipFile, zlib.error) as err:
        raise ValueError(f"{path}: no valid .gz file: {err}") from err
    except UnicodeDecodeError as err:
        raise ValueError(f"{path}: no UTF-8 at byte {err.start} of what was read: {err}") from err


@contextmanager
def open_text(path: Path) -> Iterator[IO[str]]:
    """Open a UTF-8 text file as `open_bytes` does.

    Raises:
        ValueError: As `open_bytes`.
    """
    with open_bytes(path) as file, io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
        yield text


def _rewind(file: IO[bytes]) -> None:
    """Go to the first byte behind any byte order mark."""
    file.seek(0)
    if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
        file.seek(0)


def _read_jsonl(path: Path) -> Iterator[NumberedRow]:
    with open_text(path) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            row = _parse_json(line.rstrip("\r\n"), str(path), number)
            if not isinstance(row, dict):
                raise ValueError(
                    f"{path}, row {number}: expected an object with named fields, "
                    f"got {type(row).__name__}"
                )
            yield number, row


def _parse_json(text: str, path: str, row: int) -> Any:
    """Parse JSON whose first line is a row of a file; columns count from the last line break."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as err:
        place = f"row {row + err.lineno - 1}, column {err.colno}"
        raise ValueError(f"{path}, {place}: no JSON: {err.msg}") from err
    except (ValueError, RecursionError) as err:  # a number of thousands of digits, or too deep
        raise ValueError(f"{path}, row {row}: no JSON that can be read: {err}") from err


def _read_csv(path: Path) -> Iterator[NumberedRow]:
    with open_text(path) as file:
        csv.field_size_limit(MAX_FIELD_LENGTH)
        reader = csv.DictReader(file, strict=True)
        try:
            _refuse_repeated(path, reader.fieldnames or ())
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
            _refuse_repeated(path, file.schema_arrow.names)
            for batch in file.iter_batches():
                for row in _list_rows(batch, f"{path}, rows from {number + 1} on"):
                    number += 1
                    yield number, row
    except (pa.ArrowException, OSError) as err:
        raise ValueError(f"{path}: no valid parquet file: {err}") from err


def _list_rows(batch: pa.RecordBatch, place: str) -> list[dict[str, Any]]:
    try:
        return batch.to_pylist()
    except (OverflowError, ValueError) as err:  # a time that Python has no name for
        raise ValueError(f"{place}: a value can't be read: {err}") from err


def _refuse_repeated(path: Path, names: Sequence[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{path}: columns stand twice: {repeated}")
