"""Event files read one after another as if they were one: a file, a folder, or names that begin so.

Legend: N rows.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.folder import hash_file
from components.histories.events import FileMark, FilesWatermark
from components.histories.record import Record
from components.histories.source_files import SUFFIXES, read_rows


def find_event_files(path: Path) -> list[Path]:
    """Return the event files that a path means, by name.

    Args:
        path: A file; a folder, whose files are meant; or how the paths of files begin.

    Raises:
        ValueError: If there is none.
    """
    if path.is_file():
        return [path]
    folder, prefix = (path, "") if path.is_dir() else (path.parent, path.name)
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    files = [
        file
        for file in found
        if file.name.startswith(prefix)
        and not file.name.startswith(".")  # what somebody is still writing
        and file.name.lower().endswith(SUFFIXES)
        and file.is_file()
    ]
    if not files:
        raise ValueError(
            f"{path}: there is no such file, nor an event file whose path begins so; their names "
            f"must end in one of {SUFFIXES}"
        )
    return files


class EventFiles:
    """The rows of event files, numbered through, and how far each file went.

    Args:
        path: As `find_event_files`.
    """

    def __init__(self, path: Path) -> None:
        self._paths = find_event_files(path)
        self._marks: list[FileMark] = []
        self._numbers_before: list[int] = []

    def read(self) -> Iterator[tuple[int, Record]]:
        """Yield every row and its number; what is wrong names file and row.

        Raises:
            ValueError: As `read_rows`.
        """
        self._marks, self._numbers_before = [], []
        num_before = 0
        for path in self._paths:
            # Before it is read: what is added meanwhile makes it another file next time.
            size_bytes, digest = path.stat().st_size, hash_file(path)
            mark = FileMark(name=path.name, size_bytes=size_bytes, sha256=digest, num_items=0)
            self._marks.append(mark)
            self._numbers_before.append(num_before)
            number = 0
            for number, values in read_rows(path):
                yield num_before + number, Record(f"{path}, row {number}", values)
            num_before += number

    def find_place(self, row: int) -> str:
        """Return file and row of a number that was read, for errors."""
        file = int(self._find_files(np.array([row]))[0])
        return f"{self._paths[file]}, row {row - self._numbers_before[file]}"

    def mark(self, rows_N: NDArray[np.int64]) -> FilesWatermark:
        """Return which files were read.

        Args:
            rows_N: The numbers of the rows that became items.
        """
        counts = np.bincount(self._find_files(rows_N), minlength=len(self._marks))
        files = zip(self._marks, counts.tolist(), strict=True)
        return FilesWatermark(
            files=tuple(mark.model_copy(update={"num_items": count}) for mark, count in files)
        )

    def _find_files(self, rows_N: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.searchsorted(self._numbers_before, rows_N, side="left") - 1
