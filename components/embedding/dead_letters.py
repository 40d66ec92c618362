"""Items that can't be stored: where each stands, and why. Neither ids nor texts are shown."""

import json
from collections.abc import Iterable
from typing import Any

import fsspec
from pydantic import Field

from components.config import Config


class DeadLetter(Config):
    """An item that was refused."""

    file: str = Field(description="The file of the item table.")
    row: int = Field(ge=1, description="Its row, from 1.")
    field: str = Field(description="The column that is wrong.")
    reason: str = Field(description="What is wrong with it.")


def write_lines(folder: str, name: str, records: Iterable[Config]) -> str:
    """Write one JSON object a line into a folder, here or where fsspec reaches; return the place.

    Args:
        folder: Is made if it isn't there.
        name: Of the file; what it held before gives way.
        records: What to write.
    """
    filesystem: Any
    filesystem, path = fsspec.core.url_to_fs(folder)
    filesystem.makedirs(path, exist_ok=True)
    lines = [json.dumps(record.model_dump(mode="json")) + "\n" for record in records]
    filesystem.pipe_file(f"{path}/{name}", "".join(lines).encode())
    return f"{folder}/{name}"
