"""Where tombstones lie."""

from pathlib import Path

import pytest

from components.user_hash import hash_user
from components.validation.tombstones import read_tombstones
from steps.custody_folder import CUSTODY_VARIABLE
from steps.persona_store import use_custody
from steps.tombstone_file import (
    TOMBSTONES_VARIABLE,
    find_tombstone_file,
    refresh_tombstones,
)


def test_the_environment_says_where_else_it_is_the_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOMBSTONES_VARIABLE, "/secrets/tombstones.parquet")
    assert find_tombstone_file() == Path("/secrets/tombstones.parquet")
    monkeypatch.delenv(TOMBSTONES_VARIABLE)
    clone = Path(__file__).resolve().parents[2]
    assert find_tombstone_file() == clone / "state" / "tombstones.parquet"


def test_who_was_erased_without_a_tombstone_gets_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file, key = tmp_path / "tombstones.parquet", b"of the tests"
    monkeypatch.setenv(TOMBSTONES_VARIABLE, str(file))
    monkeypatch.setenv(CUSTODY_VARIABLE, str(tmp_path / "custody"))
    monkeypatch.setenv("PERSONA_PLUG_USER_HASH_KEY", key.decode())
    assert refresh_tombstones() == file
    assert not file.exists()
    assert not (tmp_path / "custody").exists()
    hashes = [hash_user(user, key) for user in ("anna", "berta")]
    with use_custody() as custody:
        for action, user_hash in (("forget", 0), ("forget", 1), ("readmit", 0)):
            custody.receipts.write(
                action,
                tenant="default",
                user_hash=hashes[user_hash],
                deletions=(),
                key_destroyed=True,
                files_wiped=True,
            )
    refresh_tombstones()
    assert list(read_tombstones(file, key)) == [hashes[1]]
