"""Where keys and receipts lie."""

from pathlib import Path

from steps.custody_folder import CUSTODY_VARIABLE, find_custody_folder


def test_the_environment_says_where_else_it_is_the_clone(monkeypatch):
    monkeypatch.setenv(CUSTODY_VARIABLE, "/secrets/custody")
    assert find_custody_folder() == Path("/secrets/custody")
    monkeypatch.delenv(CUSTODY_VARIABLE)
    assert find_custody_folder() == Path(__file__).resolve().parents[2] / "state" / "custody"
