"""Several event files are read as if they were one, and what was read of each is kept."""

from pathlib import Path

import numpy as np
import pytest

from components.folder import hash_file
from components.histories.event_files import EventFiles, find_event_files
from components.histories.events import FileMark, FilesWatermark
from tests.components.histories.source_writers import write_jsonl, write_text

EVENTS = [{"number": number} for number in range(5)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Hold two months of one year, one of another, and what is no event file."""
    write_jsonl(tmp_path / "2026-02.jsonl.gz", EVENTS[2:])
    write_jsonl(tmp_path / "2026-01.jsonl", EVENTS[:2])
    write_text(tmp_path / "2025-12.csv", "number\n9")
    for name in ("2026-01.md", ".2026-03.jsonl"):
        (tmp_path / name).write_text("no events")
    (tmp_path / "2026-04.jsonl").mkdir()
    return tmp_path


def names(path: Path) -> list[str]:
    return [file.name for file in find_event_files(path)]


def test_a_path_is_a_file_a_folder_or_how_paths_begin(folder: Path) -> None:
    assert names(folder / "2026-01.jsonl") == ["2026-01.jsonl"]
    assert names(folder) == ["2025-12.csv", "2026-01.jsonl", "2026-02.jsonl.gz"]
    assert names(folder / "2026-") == ["2026-01.jsonl", "2026-02.jsonl.gz"]


@pytest.mark.parametrize("name", ["2024-", "lost/2026-"])
def test_without_any_file_it_is_said(folder: Path, name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}: there is no such file, nor an event file"):
        find_event_files(folder / name)


def test_rows_are_numbered_through_and_named_by_their_files(folder: Path) -> None:
    files = EventFiles(folder / "2026-")
    rows = list(files.read())

    assert [(number, record.values["number"]) for number, record in rows] == [
        *((1, 0), (2, 1), (3, 2), (4, 3), (5, 4))
    ]
    assert [files.find_place(number) for number, _ in rows] == [record.place for _, record in rows]
    assert rows[2][1].place == f"{folder / '2026-02.jsonl.gz'}, row 1"


def test_the_mark_counts_what_became_of_each_file(folder: Path) -> None:
    files = EventFiles(folder / "2026-")
    list(files.read())

    def mark(name: str, num_items: int) -> FileMark:
        path = folder / name
        return FileMark(
            name=name,
            size_bytes=path.stat().st_size,
            sha256=hash_file(path),
            num_items=num_items,
        )

    assert files.mark(np.array([2, 3, 5])) == FilesWatermark(
        files=(mark("2026-01.jsonl", 1), mark("2026-02.jsonl.gz", 2))
    )


def test_a_bad_row_is_named_by_its_file(folder: Path) -> None:
    write_text(folder / "2026-03.jsonl", '{"number": 1}\nno row')

    with pytest.raises(ValueError, match=r"2026-03\.jsonl, row 2, column 1: no JSON"):
        list(EventFiles(folder / "2026-").read())
