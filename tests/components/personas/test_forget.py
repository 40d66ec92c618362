"""The command, and the tombstone file that validation reads."""

import json
from datetime import UTC, datetime

import pytest

from components.personas.custody import open_custody
from components.personas.forget import main
from components.personas.store import PersonaStore
from components.personas.tombstone_file import update_tombstones
from components.user_hash import KEY_VARIABLE, hash_user
from components.validation.tombstones import read_tombstones, write_tombstones
from tests.components.personas.items import make_item

KEY = b"of the tests"
ANNA, OTHER = hash_user("anna", KEY), hash_user("other", KEY)


@pytest.fixture
def command(tmp_path, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, KEY.decode())
    names = ("store", "custody", "user-hash-key", "tombstones")
    return [part for name in names for part in (f"--{name}", str(tmp_path / name))]


def test_a_user_is_erased_and_readmitted(command, tmp_path, capsys):
    custody = open_custody(tmp_path / "custody", KEY)
    with PersonaStore.open(tmp_path / "store", custody, "minilm-1", 2) as store:
        store.append("anna", [make_item("a")])
        main(["anna", *command])
        receipt = json.loads(capsys.readouterr().out)
        assert (receipt["user_hash"], receipt["deletions"][0]["rows"]) == (ANNA, 1)
        assert read_tombstones(tmp_path / "tombstones", KEY).keys() == {ANNA}
        with pytest.raises(ValueError, match="was erased"):
            store.append("anna", [make_item("a")])
        main(["anna", "--readmit", *command])
        assert read_tombstones(tmp_path / "tombstones", KEY) == {}
        store.append("anna", [make_item("a")])
    custody.keys.close()


def test_mistakes_are_told(command):
    with pytest.raises(SystemExit, match="user 'anna' was not erased"):
        main(["anna", "--readmit", *command])
    with pytest.raises(SystemExit, match=r"there is no file catalog\.sqlite"):
        main(["anna", *command])


def test_tombstones_follow_the_receipts_and_keep_others(tmp_path):
    path, custody = tmp_path / "tombstones", open_custody(tmp_path / "custody", KEY)
    write_tombstones(path, {OTHER: datetime(2024, 1, 1, tzinfo=UTC)}, KEY)
    with PersonaStore.open(tmp_path / "store", custody, "minilm-1", 2) as store:
        first = store.forget("anna")
        assert update_tombstones(path, custody.receipts.read(), KEY) == 2
        assert update_tombstones(path, custody.receipts.read(), KEY) == 2
        milliseconds = first.time.replace(microsecond=first.time.microsecond // 1000 * 1000)
        assert read_tombstones(path, KEY)[ANNA] == milliseconds
        store.readmit("anna")
        assert update_tombstones(path, custody.receipts.read(), KEY) == 1
        store.forget("anna")
        assert update_tombstones(path, custody.receipts.read(), KEY) == 2
    assert read_tombstones(path, KEY).keys() == {ANNA, OTHER}
    custody.keys.close()
