import multiprocessing
import sqlite3
from contextlib import closing

import pytest

from components.personas.sqlite_file import ATTACHED, MAIN, open_sqlite_file
from components.personas.tables import CATALOG, SHARD


def open_and_close(path, barrier):
    barrier.wait()
    open_sqlite_file(path, SHARD).dispose()


def test_every_connection_overwrites_what_it_deletes_and_writes_ahead(tmp_path):
    open_sqlite_file(tmp_path / "catalog.db", CATALOG).dispose()
    engine = open_sqlite_file(
        tmp_path / "personas.db", SHARD, catalog=tmp_path / "catalog.db", durable=True
    )
    with engine.connect() as first, engine.connect() as second:
        for connection, name in ((c, n) for c in (first, second) for n in (MAIN, ATTACHED)):
            for pragma, value in (
                ("secure_delete", 1),
                ("journal_mode", "wal"),
                ("synchronous", 2),
            ):
                found = connection.exec_driver_sql(f"PRAGMA {name}.{pragma}").scalar_one()
                assert found == value
    engine.dispose()


def test_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("no database, but long enough to have a header\n" * 100)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"notes\.txt is not a persona store: it is no SQLite"):
        open_sqlite_file(path, SHARD)
    assert path.read_bytes() == before


def test_another_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
    before = path.read_bytes()
    with pytest.raises(ValueError, match="is empty, another SQLite database, or"):
        open_sqlite_file(path, SHARD)
    assert path.read_bytes() == before


def test_empty_file_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "personas.db"
    path.touch()
    with pytest.raises(ValueError, match="is empty, another SQLite database, or"):
        open_sqlite_file(path, SHARD)
    assert [(file.name, file.stat().st_size) for file in tmp_path.iterdir()] == [("personas.db", 0)]


def test_another_schema_version_is_refused(tmp_path):
    path = tmp_path / "personas.db"
    open_sqlite_file(path, SHARD).dispose()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 7")
    with pytest.raises(ValueError, match=r"not a persona store of version 3: .* or of version 7"):
        open_sqlite_file(path, SHARD)


def test_processes_may_make_the_same_file_at_once(tmp_path):
    fork = multiprocessing.get_context("fork")
    barrier = fork.Barrier(4)
    arguments = (tmp_path / "personas.db", barrier)
    processes = [fork.Process(target=open_and_close, args=arguments) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    assert not list(tmp_path.glob("*.partial"))


def test_errors_do_not_show_the_values(tmp_path):
    engine = open_sqlite_file(tmp_path / "personas.db", SHARD)
    with engine.connect() as connection, pytest.raises(Exception, match="no such table") as caught:
        connection.exec_driver_sql("SELECT * FROM nowhere WHERE output = ?", ("secret label",))
    assert "secret label" not in str(caught.value)
    engine.dispose()
