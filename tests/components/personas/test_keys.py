"""Data keys: made once, unreadable without the master key, gone for good when destroyed."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import select, update

from components.personas.custody import KEYS_VARIABLE, open_custody
from components.personas.keys import (
    KEYS,
    PostgresKeyStore,
    SQLiteKeyStore,
)
from components.personas.master_keys import load_master_keys

ANNA, BERT = b"\x00" * 16, b"\xff" * 16  # in the first and the last file
OLD, NEW = b"m" * 32, b"n" * 32


@pytest.fixture(params=["sqlite", "postgres"])
def open_keys(request, tmp_path):
    """Open the test's key store, by the old master key unless told otherwise."""
    opened = []
    address = request.getfixturevalue("new_postgres") if request.param == "postgres" else None

    def open_(*master_keys):
        if address:
            opened.append(PostgresKeyStore(address, *master_keys or (OLD,)))
        else:
            opened.append(SQLiteKeyStore(tmp_path / "keys", *master_keys or (OLD,)))
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
        open_keys(NEW).find(ANNA)
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


def test_the_first_master_key_wraps_and_each_opens(open_keys):
    old = open_keys(OLD).make([ANNA])
    made = open_keys(NEW, OLD).make([ANNA, BERT])
    assert made[ANNA] == old[ANNA]
    assert open_keys(NEW).find(BERT) == made[BERT]
    with pytest.raises(ValueError, match="the master key does not open the keys"):
        open_keys(NEW).find(ANNA)


def test_rewrapped_keys_need_the_old_master_key_no_longer(open_keys):
    names = [number.to_bytes(16, "little") for number in range(1500)]
    made = open_keys(OLD).make([ANNA, *names, BERT])
    open_keys(OLD).destroy(BERT)
    del made[BERT]
    newcomer = b"\x80" * 16
    made |= open_keys(NEW, OLD).make([newcomer])
    done = open_keys(NEW, OLD).rewrap()
    assert (done.num_keys, done.num_changed) == (len(made), len(made) - 1)
    assert open_keys(NEW).make([*made, BERT]) == made
    assert open_keys(NEW).is_destroyed(BERT)
    with pytest.raises(ValueError, match="the master key does not open the keys"):
        open_keys(OLD).find(ANNA)
    assert open_keys(NEW).rewrap()[:2] == (len(made), 0)


def test_a_key_that_no_master_key_opens_ends_the_rewrapping(open_keys):
    made = open_keys(OLD).make([ANNA, BERT])
    with pytest.raises(ValueError, match="the master key does not open the keys"):
        open_keys(NEW, b"o" * 32).rewrap()
    assert open_keys(OLD).make([ANNA, BERT]) == made


def test_a_key_destroyed_during_the_rewrapping_stays_destroyed(open_keys):
    keys = open_keys(NEW, OLD)
    keys.make([BERT])
    open_keys(OLD).make([ANNA])
    file = keys._file_of(ANNA)
    page = keys._read_page(file, b"")
    open_keys(OLD).destroy(ANNA)
    keys._rewrap_page(file, page)
    assert keys.is_destroyed(ANNA)


def test_files_hold_nothing_that_the_old_master_key_opens(tmp_path):
    keys = SQLiteKeyStore(tmp_path, NEW, OLD)
    with closing(SQLiteKeyStore(tmp_path, OLD)) as before:
        before.make([bytes([number]) * 16 for number in range(256)])
    pages = [page for file in keys._list_files() for page in keys._read_pages(file)]
    wrapped = [value for page in pages for value in page.values()]
    assert len(wrapped) == 256
    assert all(value in read_all(tmp_path) for value in wrapped)
    assert keys.rewrap().is_wiped
    assert not any(value in read_all(tmp_path) for value in wrapped)
    keys.close()


def read_all(folder):
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_custody_keeps_the_keys_where_the_environment_says(tmp_path, new_postgres, monkeypatch):
    monkeypatch.setenv(KEYS_VARIABLE, new_postgres)
    custody = open_custody(tmp_path / "custody", b"of the tests")
    key = custody.keys.make([ANNA])[ANNA]
    elsewhere = PostgresKeyStore(new_postgres, *load_master_keys(tmp_path / "custody/master.key"))
    assert elsewhere.find(ANNA) == key
    assert not (tmp_path / "custody" / "keys").exists()
    for keys in (custody.keys, elsewhere):
        keys.close()
