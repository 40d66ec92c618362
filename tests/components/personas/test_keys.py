"""Data keys: made once, unreadable without the master key, gone for good when destroyed."""

import stat

import pytest

from components.personas.keys import (
    MASTER_KEY_VARIABLE,
    SQLiteKeyStore,
    load_master_key,
)

ANNA, BERT = b"\x00" * 16, b"\xff" * 16  # in the first and the last file


@pytest.fixture
def keys(tmp_path):
    keys = SQLiteKeyStore(tmp_path / "keys", b"m" * 32)
    yield keys
    keys.close()


def test_a_key_is_made_once_and_is_a_users_own(keys, tmp_path):
    assert keys.find(ANNA) is None
    made = keys.make([ANNA, BERT, ANNA])
    assert made.keys() == {ANNA, BERT}
    assert len(made[ANNA]) == 32
    assert made[ANNA] != made[BERT]
    assert keys.make([ANNA]) == {ANNA: made[ANNA]}
    again = SQLiteKeyStore(tmp_path / "keys", b"m" * 32)
    assert again.find(ANNA) == made[ANNA]
    again.close()


def test_thousands_are_made_at_once(keys):
    names = [number.to_bytes(16, "little") for number in range(3000)]
    made = keys.make(names)
    assert len(set(made.values())) == 3000
    assert keys.find(names[2999]) == made[names[2999]]


def test_a_destroyed_key_is_gone_until_it_is_allowed_again(keys):
    old = keys.make([ANNA, BERT])
    assert not keys.is_destroyed(ANNA)
    assert keys.destroy(ANNA)
    assert keys.is_destroyed(ANNA)
    assert keys.find(ANNA) is None
    assert keys.make([ANNA, BERT]) == {BERT: old[BERT]}
    assert keys.destroy(ANNA)  # again is no error
    keys.allow(BERT)  # who was not destroyed keeps the key
    assert keys.find(BERT) == old[BERT]
    keys.allow(ANNA)
    assert not keys.is_destroyed(ANNA)
    assert keys.make([ANNA])[ANNA] != old[ANNA]


def test_another_master_key_is_refused(keys, tmp_path):
    keys.make([ANNA])
    other = SQLiteKeyStore(tmp_path / "keys", b"n" * 32)
    with pytest.raises(ValueError, match="the master key does not open the keys"):
        other.find(ANNA)
    other.close()


def test_a_key_moved_to_another_user_is_refused(keys, tmp_path):
    neighbour = b"\x01" * 16
    keys.make([ANNA, neighbour])
    with keys._engines.write("keys-0.sqlite") as connection:
        connection.exec_driver_sql(
            "UPDATE keys SET wrapped = (SELECT wrapped FROM keys WHERE name = :anna) "
            "WHERE name = :neighbour",
            {"anna": ANNA, "neighbour": neighbour},
        )
    with pytest.raises(ValueError, match="the master key does not open"):
        keys.find(neighbour)


def test_the_master_key_is_made_once_for_its_owner(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "master.key"
    key = load_master_key(path)
    assert len(key) == 32
    assert load_master_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    monkeypatch.setenv(MASTER_KEY_VARIABLE, "ab" * 32)
    assert load_master_key(path) == b"\xab" * 32
    monkeypatch.setenv(MASTER_KEY_VARIABLE, "secret")
    with pytest.raises(ValueError, match=f"{MASTER_KEY_VARIABLE}: expected a master key of 64"):
        load_master_key(path)
