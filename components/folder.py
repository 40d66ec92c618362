"""An artifact that is a directory of files, known by the hash of its content."""

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, field_validator


def hash_file(path: Path) -> str:
    """Return the sha256 of one file's bytes, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def write_folder(directory: Path, *, replace: bool = False) -> Iterator[Path]:
    """Give a directory to write into, which becomes `directory` if the block ends without error.

    So a folder appears complete or not at all; what a killed run left is cleared away.

    Args:
        directory: Where to write: not there yet, or empty. Its parents are made.
        replace: Whether a folder that is there already gives way to the new one.

    Raises:
        ValueError: If the directory holds something and is not to be replaced.
    """
    if not replace and directory.exists() and any(directory.iterdir()):
        raise ValueError(f"{directory} is not empty; a folder is written to a new directory")
    staging = directory.with_name(f".{directory.name}.partial")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        yield staging
        if replace:
            shutil.rmtree(directory, ignore_errors=True)
        staging.rename(directory)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def hash_files(directory: Path, files: Iterable[Path]) -> str:
    """Return the sha256 over the relative names and the bytes of some of a directory's files."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(directory).as_posix()}\0{hash_file(path)}\n".encode())
    return digest.hexdigest()


class Folder(BaseModel):
    """A directory that a step hands to the next one; subclasses say what lies in it."""

    model_config = ConfigDict(frozen=True)

    path: Path

    @field_validator("path")
    @classmethod
    def _is_directory(cls, path: Path) -> Path:
        if not path.is_dir():
            raise ValueError(f"{cls.__name__}: {path} is not a directory")
        return path.resolve()

    @classmethod
    def at(cls, path: Path) -> Self:
        """Open the existing directory `path`."""
        return cls(path=path)

    def files(self) -> list[Path]:
        """Return every file below the folder, sorted by relative name."""
        found = (path for path in self.path.rglob("*") if path.is_file())
        return sorted(found, key=lambda path: path.relative_to(self.path).as_posix())

    def content_hash(self) -> str:
        """Return the sha256 over the sorted relative names and the bytes of all files."""
        return hash_files(self.path, self.files())
