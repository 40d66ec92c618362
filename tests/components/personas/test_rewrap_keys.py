"""The command that changes the master key, as an operator types it."""

import hashlib
from contextlib import closing

import pytest

from components.personas.custody import KEYS_VARIABLE, open_keys_and_receipts
from components.personas.master_keys import MASTER_KEY_VARIABLE
from components.personas.rewrap_keys import main

ANNA = b"a" * 16
OLD, NEW = "ab" * 32, "cd" * 32


@pytest.fixture(params=["sqlite", "postgres"])
def custody(request, tmp_path, monkeypatch):
    """A custody with Anna's key, and the folder that the command is given."""
    if request.param == "postgres":
        monkeypatch.setenv(KEYS_VARIABLE, request.getfixturevalue("new_postgres"))
    monkeypatch.setenv(MASTER_KEY_VARIABLE, OLD)
    make_annas_key(tmp_path)
    return tmp_path


def make_annas_key(folder):
    keys, book = open_keys_and_receipts(folder)
    with closing(keys), closing(book):
        return keys.make([ANNA])[ANNA]


def test_it_says_what_became_of_the_keys(custody, monkeypatch, capsys):
    key = make_annas_key(custody)
    monkeypatch.setenv(MASTER_KEY_VARIABLE, f"{NEW},{OLD}")
    main(["--custody", str(custody)])
    told = capsys.readouterr()
    old, new = (hashlib.sha256(key.encode()).hexdigest()[:8] for key in (OLD, NEW))
    assert told.out == (
        f"The master key {new} opens all 1 keys; 1 of them were wrapped anew.\n"
        f"Not needed any more, but for backups of these keys from before: {old}.\n"
    )
    assert ("old wrappings stay" in told.err) == (not (custody / "keys").exists())
    monkeypatch.setenv(MASTER_KEY_VARIABLE, NEW)
    main(["--custody", str(custody)])
    assert capsys.readouterr().out.endswith("; 0 of them were wrapped anew.\n")
    assert make_annas_key(custody) == key


def test_a_master_key_that_is_missing_is_told(custody, monkeypatch):
    monkeypatch.setenv(MASTER_KEY_VARIABLE, NEW)
    with pytest.raises(SystemExit, match="the master key does not open the keys in"):
        main(["--custody", str(custody)])


def test_a_mistyped_custody_is_told_and_not_made(tmp_path):
    with pytest.raises(SystemExit, match="there is no custody"):
        main(["--custody", str(tmp_path / "nowhere")])
    assert not (tmp_path / "nowhere").exists()
