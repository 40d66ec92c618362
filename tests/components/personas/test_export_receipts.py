"""The command that writes an auditor's files, from either kind of custody."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from components.personas.custody import KEYS_VARIABLE, open_custody
from components.personas.export_receipts import main
from components.personas.store import PersonaStore
from tests.components.personas.items import make_item

VERIFIER = Path(__file__).parents[3] / "infra" / "verify_receipts.py"
KEY = b"of the tests"


@pytest.fixture(params=["file", "table"])
def custody(request, tmp_path, monkeypatch):
    if request.param == "table":
        monkeypatch.setenv(KEYS_VARIABLE, request.getfixturevalue("new_postgres"))
    custody = open_custody(tmp_path / "custody", KEY)
    yield custody
    custody.close()


@pytest.fixture
def command(tmp_path):
    return ["--custody", str(tmp_path / "custody"), "--output", str(tmp_path / "audit")]


def erase(custody, tmp_path, *users):
    with PersonaStore.open(tmp_path / "store", custody, "minilm-1", 2) as store:
        for user in users:
            store.append(user, [make_item("a")])
            store.forget(user)


def verify(folder):
    """Run the verifier alone, where nothing of this repository can be imported."""
    script = shutil.copy(VERIFIER, folder)
    files = [folder / "receipts.jsonl", folder / "receipts.pub"]
    return subprocess.run(
        [sys.executable, "-I", script, *files], capture_output=True, text=True, check=False
    )


def test_what_is_written_can_be_verified_without_us(custody, command, tmp_path, capsys):
    erase(custody, tmp_path, "anna", "bert")
    main(command)
    assert "2 receipts" in capsys.readouterr().out
    assert verify(tmp_path / "audit").stdout.startswith("2 receipts, the last with sha256")
    erase(custody, tmp_path, "carl")
    main(command)
    assert verify(tmp_path / "audit").stdout.startswith("3 receipts")
    names = {path.name for path in (tmp_path / "audit").iterdir()}
    assert names == {"receipts.jsonl", "receipts.pub", VERIFIER.name}
    lines = (tmp_path / "audit" / "receipts.jsonl").read_text().splitlines()
    (tmp_path / "audit" / "receipts.jsonl").write_text("\n".join(lines[1:]) + "\n")
    assert "line 1: the receipt before it is missing" in verify(tmp_path / "audit").stderr


def test_receipts_that_are_gone_since_are_told(custody, command, tmp_path):
    erase(custody, tmp_path, "anna")
    main(command)
    written = tmp_path / "audit" / "receipts.jsonl"
    longer = written.read_bytes() * 2
    written.write_bytes(longer)
    with pytest.raises(SystemExit, match="receipts that the custody doesn't have any more"):
        main(command)
    assert written.read_bytes() == longer
    (tmp_path / "audit" / "receipts.pub").write_bytes(b"another")
    with pytest.raises(SystemExit, match="another key than the custody's"):
        main(command)


def test_a_mistyped_custody_has_no_receipts(command, tmp_path):
    with pytest.raises(SystemExit, match="there are no receipts in this custody"):
        main(command)
    assert not (tmp_path / "audit").exists()


def test_a_database_without_receipts_is_exported_until_there_are_some(
    new_postgres, command, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv(KEYS_VARIABLE, new_postgres)
    main(command)
    assert capsys.readouterr().out.startswith("0 receipts")
    assert verify(tmp_path / "audit").stdout.startswith("0 receipts")
    custody = open_custody(tmp_path / "custody", KEY)
    erase(custody, tmp_path, "anna")
    custody.close()
    main(command)
    assert verify(tmp_path / "audit").stdout.startswith("1 receipts")


def test_the_custody_itself_is_not_overwritten(custody, tmp_path):
    erase(custody, tmp_path, "anna")
    folder = str(tmp_path / "custody")
    with pytest.raises(SystemExit, match="is the custody"):
        main(["--custody", folder, "--output", folder])
