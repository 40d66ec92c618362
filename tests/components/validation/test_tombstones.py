"""Tombstones: found by id under the right key, refused under another, written whole."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.user_hash import KEY_VARIABLE, hash_user
from components.validation.config import ValidationConfig
from components.validation.tombstones import (
    find_erased_users,
    read_tombstones,
    resolve_tombstones,
    write_tombstones,
)

KEY = b"k"
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ERASED = {hash_user("ann", KEY): NOON, hash_user("bob", KEY): NOON + timedelta(days=1)}


@pytest.fixture(autouse=True)
def _key_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "k")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "tombstones.parquet"
    write_tombstones(path, ERASED, KEY)
    assert read_tombstones(path, KEY) == ERASED
    assert pq.read_schema(path).names == ["user_hash", "erased_at"]
    assert b"ann" not in path.read_bytes()
    write_tombstones(path, {}, KEY)
    assert read_tombstones(path, KEY) == {}
    assert [file.name for file in path.parent.iterdir()] == ["tombstones.parquet"]


def test_times_of_other_zones_are_kept_in_utc(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    east = NOON.astimezone(timezone(timedelta(hours=5)))
    write_tombstones(path, {"a" * 64: east}, KEY)
    assert read_tombstones(path, KEY) == {"a" * 64: NOON}


def test_users_are_found_by_id(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_tombstones(path, ERASED, KEY)
    erased = find_erased_users(ValidationConfig(tombstones=path), tmp_path / "key")
    assert erased is not None
    assert ["ann" in erased, "cyd" in erased, "" in erased] == [True, False, False]
    assert "b'k'" not in repr(erased)
    assert find_erased_users(ValidationConfig(), tmp_path / "key") is None


def test_another_key_is_refused_since_it_would_find_nobody(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_tombstones(path, ERASED, b"another")
    with pytest.raises(ValueError, match="another key of user hashes"):
        find_erased_users(ValidationConfig(tombstones=path), tmp_path / "key")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file"),
        (b"user,erased", "is no parquet file"),
        (pa.table({"user_id": ["ann"]}), r"columns are user_id \(string\); expected user_hash"),
    ],
)
def test_a_file_that_is_none_of_tombstones_is_refused(
    tmp_path: Path, content: bytes | pa.Table | None, message: str
) -> None:
    path = tmp_path / "t.parquet"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        pq.write_table(content, path)
    with pytest.raises(ValueError, match=message):
        read_tombstones(path, KEY)


@pytest.mark.parametrize("user_hash", ["ann", "A" * 64, "a" * 63])
def test_what_is_no_hash_is_refused_since_it_would_match_nobody(
    tmp_path: Path, user_hash: str
) -> None:
    path = tmp_path / "t.parquet"
    with pytest.raises(ValueError, match="row 1, field 'user_hash': no HMAC-SHA256 in hex"):
        write_tombstones(path, {user_hash: NOON}, KEY)
    write_tombstones(path, ERASED, KEY)
    table = pq.read_table(path)
    wrong = table.set_column(0, "user_hash", pa.array([user_hash, *ERASED][:2]))
    pq.write_table(wrong, path)
    with pytest.raises(ValueError, match="row 1, field 'user_hash'"):
        read_tombstones(path, KEY)


def test_settings_follow_the_content(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    config = ValidationConfig(tombstones=path)
    with pytest.raises(ValueError, match="there is no file"):  # a cached step would hide new ones
        resolve_tombstones(config, tmp_path / "none")
    assert resolve_tombstones(ValidationConfig(), path) == ValidationConfig()
    write_tombstones(path, ERASED, KEY)
    first = resolve_tombstones(config, tmp_path / "none")
    assert resolve_tombstones(ValidationConfig(), path) == first  # there is one by now
    assert first.tombstones_hash is not None
    assert resolve_tombstones(config, tmp_path / "none") == first
    write_tombstones(path, {}, KEY)
    assert resolve_tombstones(config, tmp_path / "none") != first
    with pytest.raises(ValueError, match="has changed since the run was started"):
        find_erased_users(first, tmp_path / "key")
