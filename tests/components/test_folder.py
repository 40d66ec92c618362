"""A folder is written whole or not at all, and is known by its content."""

from pathlib import Path

import pytest

from components.folder import Folder, write_folder


def write(directory: Path, text: str, **settings: bool) -> None:
    with write_folder(directory, **settings) as staging:
        (staging / "deep").mkdir()
        (staging / "deep" / "file.txt").write_text(text)


def read(directory: Path) -> dict[str, str]:
    files = Folder.at(directory).files()
    return {path.relative_to(directory).as_posix(): path.read_text() for path in files}


def test_a_folder_appears_when_all_is_written(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "folder"
    with write_folder(directory) as staging:
        (staging / "file.txt").write_text("one")
        assert not directory.exists()
    assert read(directory) == {"file.txt": "one"}
    assert list(directory.parent.iterdir()) == [directory]


def test_an_empty_directory_is_filled_and_another_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    write(tmp_path / "folder", "one")
    with pytest.raises(ValueError, match="folder is not empty; a folder is written to a new"):
        write(tmp_path / "folder", "two")
    assert read(tmp_path / "folder") == {"deep/file.txt": "one"}
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


def test_what_fails_leaves_what_was_there(tmp_path: Path) -> None:
    write(tmp_path / "old", "one")
    for name in ("old", "new"):
        with (
            pytest.raises(OSError, match="the disk is full"),
            write_folder(tmp_path / name, replace=True) as staging,
        ):
            (staging / "half.txt").touch()
            raise OSError("the disk is full")
    assert list(tmp_path.iterdir()) == [tmp_path / "old"]
    assert read(tmp_path / "old") == {"deep/file.txt": "one"}


def test_a_folder_is_replaced_as_a_whole_only_on_demand(tmp_path: Path) -> None:
    (tmp_path / ".folder.partial").mkdir()
    (tmp_path / ".folder.partial" / "left.txt").write_text("by a run that was killed")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old.txt").touch()
    write(tmp_path / "folder", "two", replace=True)
    assert read(tmp_path / "folder") == {"deep/file.txt": "two"}
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]
