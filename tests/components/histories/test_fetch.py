"""Large files over a connection that breaks, from servers that do and do not know Range."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from urllib3.util import Retry

from components.histories.fetch import (
    CHUNK_BYTES,
    BrokenOffError,
    MissingFileError,
    WrongContentError,
    WrongStartError,
    fetch_file,
)
from tests.components.histories.file_server import FileServer, serve

CONTENT = json.dumps([f"line {number} of many" for number in range(60_000)]).encode()
NAME = "/q.json"
RETRY = Retry(total=2, backoff_factor=0, status_forcelist=[503], raise_on_status=False)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serve({NAME: CONTENT}) as server:
        yield server


def check_list(path: Path) -> None:
    """Accept a list only."""
    if not isinstance(json.loads(path.read_bytes()), list):
        raise ValueError("no list")


def fetch(server: FileServer, folder: Path) -> Path:
    path = folder / "new" / "q.json"
    fetch_file(f"{server.address}{NAME}", path, "[", check_list, RETRY)
    return path


def test_a_file_arrives_whole(server: FileServer, tmp_path: Path) -> None:
    path = fetch(server, tmp_path)
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]
    assert server.requests == [(NAME, None)]


def test_a_broken_connection_goes_on_where_it_broke_off(
    server: FileServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.breaks[NAME] = [700_000, 300_000]
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    starts = [int(asked[6:-1]) if asked else 0 for _, asked in server.requests]
    assert len(starts) == 3
    for start, came in zip(starts[1:], (700_000, starts[1] + 300_000), strict=True):
        assert came - CHUNK_BYTES <= start <= came
    # What is sent twice is less than a chunk for each break.
    assert len(CONTENT) <= server.sent[NAME] < len(CONTENT) + 2 * CHUNK_BYTES
    assert f"going on from byte {starts[1]}" in caplog.text


def test_a_killed_download_goes_on_at_the_next_call(server: FileServer, tmp_path: Path) -> None:
    part = tmp_path / "new" / "q.json.part"
    part.parent.mkdir()
    part.write_bytes(CONTENT[:1_000_000])
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.requests == [(NAME, "bytes=1000000-")]
    assert server.sent[NAME] == len(CONTENT) - 1_000_000
    assert not part.exists()


def test_a_part_that_was_complete_is_only_checked(server: FileServer, tmp_path: Path) -> None:
    part = tmp_path / "new" / "q.json.part"
    part.parent.mkdir()
    part.write_bytes(CONTENT)
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.sent[NAME] == 0


def test_a_part_longer_than_the_file_starts_again(server: FileServer, tmp_path: Path) -> None:
    part = tmp_path / "new" / "q.json.part"
    part.parent.mkdir()
    part.write_bytes(CONTENT + b" ")
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.requests == [(NAME, f"bytes={len(CONTENT) + 1}-"), (NAME, None)]


def test_a_server_without_range_starts_again(server: FileServer, tmp_path: Path) -> None:
    server.knows_ranges = False
    server.breaks[NAME] = [700_000]
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert server.sent[NAME] == 700_000 + len(CONTENT)


def test_a_connection_that_never_holds_is_given_up_and_what_came_is_kept(
    server: FileServer, tmp_path: Path
) -> None:
    server.breaks[NAME] = [700_000, *[0] * 10]
    with pytest.raises(BrokenOffError, match=r"q\.json: the connection broke off again and again"):
        fetch(server, tmp_path)
    [part] = (tmp_path / "new").iterdir()
    assert part.name == "q.json.part"
    assert CONTENT.startswith(part.read_bytes())
    assert part.stat().st_size > 700_000 - CHUNK_BYTES
    assert len(server.requests) == 1 + RETRY.total


def test_as_long_as_something_comes_it_goes_on(server: FileServer, tmp_path: Path) -> None:
    server.breaks[NAME] = [2 * CHUNK_BYTES] * 8
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert len(server.requests) == 9


def test_a_busy_server_is_asked_again(server: FileServer, tmp_path: Path) -> None:
    server.busy[NAME] = 2
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    server.busy[NAME] = 9
    with pytest.raises(requests.HTTPError, match=r"503 .*q\.json"):
        fetch(server, tmp_path)


def test_a_missing_file_is_said(server: FileServer, tmp_path: Path) -> None:
    del server.files[NAME]
    with pytest.raises(MissingFileError, match=r"127.*/q\.json: no such file is given \(404\)"):
        fetch(server, tmp_path)


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"<!DOCTYPE html>\n<html>" + b"x" * 10**6, r"got b'<!DOCTYPE html>"),
        (b'\xef\xbb\xbf \n{"golds": []}', r"got b'\{"),
        (b"", r"got b''"),
    ],
)
def test_a_web_page_in_place_of_json_is_refused(
    server: FileServer, tmp_path: Path, content: bytes, shown: str
) -> None:
    server.files[NAME] = content
    with pytest.raises(WrongStartError, match=rf"/q\.json: expected JSON .* with '\[', {shown}"):
        fetch(server, tmp_path)
    assert list((tmp_path / "new").iterdir()) == []


def test_blanks_and_a_byte_order_mark_may_come_first(server: FileServer, tmp_path: Path) -> None:
    fetch_file(f"{server.address}{NAME}", tmp_path / "a", "[", lambda _: None)
    server.files[NAME] = b"\xef\xbb\xbf\n [1]"
    fetch_file(f"{server.address}{NAME}", tmp_path / "b", "[", lambda _: None)
    assert (tmp_path / "b").read_bytes() == server.files[NAME]


def test_what_fails_the_check_is_not_kept(server: FileServer, tmp_path: Path) -> None:
    server.files[NAME] = CONTENT[:-3]
    with pytest.raises(WrongContentError, match=r"/q\.json: .*; the file was not kept"):
        fetch(server, tmp_path)
    assert list((tmp_path / "new").iterdir()) == []
