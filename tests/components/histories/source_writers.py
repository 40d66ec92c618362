"""Writers of source files for tests."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def write_text(path: Path, text: str) -> Path:
    """Write a text file, packed if it is a .gz, and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix.lower() == ".gz" else data)
    return path


def write_jsonl(path: Path, rows: Iterable[Any]) -> Path:
    """Write one JSON document a line."""
    return write_text(path, "".join(json.dumps(row) + "\n" for row in rows))
