"""Where tombstones lie."""

from pathlib import Path

import pytest

from steps.tombstone_file import TOMBSTONES_VARIABLE, find_tombstone_file


def test_the_environment_says_where_else_it_is_the_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOMBSTONES_VARIABLE, "/secrets/tombstones.parquet")
    assert find_tombstone_file() == Path("/secrets/tombstones.parquet")
    monkeypatch.delenv(TOMBSTONES_VARIABLE)
    clone = Path(__file__).resolve().parents[2]
    assert find_tombstone_file() == clone / "state" / "tombstones.parquet"
