"""Data keys: made once, unreadable without the master key, gone for good when destroyed."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from components.personas.custody import KEYS_VARIABLE, open_custody
from components.personas.keys import (
    KEYS,
    MASTER_KEY_VARIABLE,
    PostgresKeyStore,
    SQLiteKeyStore,
    load_master_key,
)

ANNA, BERT = b"\x00" * 16, b"\xff" * 16  # in the first and the last file


@pytest.fixture(params=["sqlite", "postgres"])
def open_keys(request, tmp_path):
    """Open the test's key store, with a master key of m's unless told otherwise."""
    opened = []
    address = request.getfixturevalue("new_postgres") if request.param == "postgres" else None

    def open_(master_key=b"m" * 32):
        if address:
            opened.append(PostgresKeyStore(address, master_key))
        else:
            opened.append(SQLiteKeyStore(tmp_path / "keys", master_key))
        return opened[-1]

    yield open_
    for keys in opened:
        keys.close()


@pytest.fixture
def keys(open_keys):
    return open_keys()


def test_a_key_is_made_once_and_is_a_users_own(keys, open_keys):
    assert keys.find(ANNA) is None
    made = keys.make([ANNA, BERT, ANNA])
    assert made.keys() == {ANNA, BERT}
    assert len(made[ANNA]) == 32
    assert made[ANNA] != made[BERT]
    assert keys.make([ANNA]) == {ANNA: made[ANNA]}
    assert open_keys().find(ANNA) == made[ANNA]


def test_thousands_are_made_at_once(keys):
    names = [number.to_bytes(16, "little") for number in range(3000)]
    made = keys.make(names)
    assert len(set(made.values())) == 3000
    assert keys.find(names[2999]) == made[names[2999]]


def test_a_destroyed_key_is_gone_until_it_is_allowed_again(keys):
    old = keys.make([ANNA, BERT])
    assert not keys.is_destroyed(ANNA)
    assert keys.destroy(ANNA) == isinstance(keys, SQLiteKeyStore)  # PostgreSQL keeps a log
    assert keys.is_destroyed(ANNA)
    assert keys.find(ANNA) is None
    assert keys.make([ANNA, BERT]) == {BERT: old[BERT]}
    keys.destroy(ANNA)  # again is no error
    keys.allow(BERT)  # who was not destroyed keeps the key
    assert keys.find(BERT) == old[BERT]
    keys.allow(ANNA)
    assert not keys.is_destroyed(ANNA)
    assert keys.make([ANNA])[ANNA] != old[ANNA]


def test_another_master_key_is_refused(keys, open_keys):
    keys.make([ANNA])
    with pytest.raises(ValueError, match="the master key does not open the keys") as raised:
        open_keys(b"n" * 32).find(ANNA)
    assert str(keys) in str(raised.value)


def test_processes_that_make_the_same_keys_agree(keys, open_keys):
    names = [number.to_bytes(16, "little") for number in range(300)]
    with ThreadPoolExecutor() as pool:
        orders = [names, names[::-1], names[150:] + names[:150]]
        made = list(pool.map(lambda order: open_keys().make(order), orders))
    assert made[0] == made[1] == made[2]
    assert len(set(made[0].values())) == 300


def test_a_key_moved_to_another_user_is_refused(keys):
    neighbour = b"\x01" * 16
    keys.make([ANNA, neighbour])
    annas = select(KEYS.c.wrapped).where(KEYS.c.name == ANNA).scalar_subquery()
    with keys._engines.write(keys._file_of(ANNA)) as connection:
        connection.execute(update(KEYS).where(KEYS.c.name == neighbour).values(wrapped=annas))
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


def test_custody_keeps_the_keys_where_the_environment_says(tmp_path, new_postgres, monkeypatch):
    monkeypatch.setenv(KEYS_VARIABLE, new_postgres)
    custody = open_custody(tmp_path / "custody", b"of the tests")
    key = custody.keys.make([ANNA])[ANNA]
    elsewhere = PostgresKeyStore(new_postgres, load_master_key(tmp_path / "custody/master.key"))
    assert elsewhere.find(ANNA) == key
    assert not (tmp_path / "custody" / "keys").exists()
    for keys in (custody.keys, elsewhere):
        keys.close()
