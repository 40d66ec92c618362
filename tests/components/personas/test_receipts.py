"""Books of receipts, in a file and in PostgreSQL, as `infra/verify_receipts.py` reads them."""

import hashlib
import multiprocessing
import os
import stat
import threading
import time

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from sqlalchemy import create_engine, insert, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from components.personas.keys import KEYS, PostgresKeyStore
from components.personas.receipt_file import FileReceiptBook
from components.personas.receipt_table import RECEIPTS, SIGNER_NAME, PostgresReceiptBook
from components.personas.receipts import NO_RECEIPT
from infra.verify_receipts import verify_receipts

FIELDS = {
    "tenant": "default",
    "user_hash": "ab",
    "deletions": (),
    "key_destroyed": True,
    "files_wiped": True,
}
MASTER_KEY = b"m" * 32
NUM_PROCESSES, NUM_THREADS, NUM_RECEIPTS = 4, 3, 5
SLOW_COMMIT = """
CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN PERFORM pg_sleep(60); RETURN NEW; END';
CREATE TRIGGER slow AFTER INSERT ON receipts EXECUTE FUNCTION wait()
"""
END_OF_THE_SLEEPER = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event = 'PgSleep'
"""


def open_table(address, *master_keys):
    keys = PostgresKeyStore(address, *master_keys or (MASTER_KEY,))
    return PostgresReceiptBook(address, keys)


def close_table(book):
    book.close()
    book._keys.close()


@pytest.fixture
def open_tables(new_postgres):
    """Open the test's table of receipts, each time as another pod does."""
    opened = []

    def open_(*master_keys):
        opened.append(open_table(new_postgres, *master_keys))
        return opened[-1]

    yield open_
    for book in opened:
        close_table(book)


@pytest.fixture
def file_book(tmp_path):
    return FileReceiptBook(tmp_path / "custody" / "receipts.jsonl")


@pytest.fixture(params=["file", "table"])
def book(request):
    if request.param == "table":
        return request.getfixturevalue("open_tables")()
    return request.getfixturevalue("file_book")


@pytest.fixture
def connection(new_postgres):
    engine = create_engine(new_postgres, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as opened:
        yield opened


def verify(book):
    return verify_receipts(book.read_lines(), load_pem_public_key(book.public_key()))


def test_each_receipt_names_the_line_before(book):
    first, second = book.write("forget", **FIELDS), book.write("readmit", **FIELDS)
    lines = book.read_lines()
    assert (first.number, first.previous) == (1, NO_RECEIPT)
    assert (second.number, second.previous) == (2, hashlib.sha256(lines[0]).hexdigest())
    assert book.read() == [first, second]
    assert verify(book) == hashlib.sha256(lines[1]).hexdigest()


def test_there_are_no_receipts_before_the_first(book):
    assert book.read() == []


def test_a_receipt_that_fails_leaves_nothing_and_lets_others_write(book):
    first = book.write("forget", **FIELDS)
    with pytest.raises(ValueError, match="tenant"):
        book.write("forget", **{**FIELDS, "tenant": None})
    assert book.write("forget", **FIELDS).number == 2
    assert book.read()[0] == first
    verify(book)


def write_some(open_book, barrier):
    """Write receipts from threads that share a book, as other processes do at the same time."""
    book = open_book()
    barrier.wait(60)
    threads = [threading.Thread(target=write_in_turn, args=[book]) for _ in range(NUM_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def write_in_turn(book):
    for _ in range(NUM_RECEIPTS):
        book.write("forget", **{**FIELDS, "user_hash": f"{os.getpid()}"})


@pytest.mark.parametrize("kind", ["file", "table"])
def test_processes_and_threads_write_one_chain(kind, request, tmp_path):
    if kind == "table":
        opener, given = open_table, request.getfixturevalue("new_postgres")
    else:
        opener, given = FileReceiptBook, tmp_path / "receipts.jsonl"
    fork = multiprocessing.get_context("fork")
    arguments = lambda: opener(given), fork.Barrier(NUM_PROCESSES)
    processes = [fork.Process(target=write_some, args=arguments) for _ in range(NUM_PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * NUM_PROCESSES
    book = opener(given)
    verify(book)
    writers = [receipt.user_hash for receipt in book.read()]
    expected = [str(process.pid) for process in processes] * (NUM_THREADS * NUM_RECEIPTS)
    assert sorted(writers) == sorted(expected)
    if kind == "table":
        close_table(book)


class TestFile:
    def test_the_private_key_is_for_its_owner(self, file_book):
        file_book.write("forget", **FIELDS)
        assert stat.S_IMODE(file_book.path.with_suffix(".key").stat().st_mode) == 0o600
        assert file_book.path.with_suffix(".pub").read_bytes() == file_book.public_key()

    def test_half_a_receipt_is_none_and_is_taken_away(self, file_book):
        first = file_book.write("forget", **FIELDS)
        with file_book.path.open("ab") as file:
            file.write(b'{"number": 2, "act')
        assert file_book.read() == [first]
        second = file_book.write("forget", **FIELDS)
        assert file_book.read() == [first, second]
        verify(file_book)


class TestTable:
    def test_all_pods_sign_with_one_key_that_is_nowhere_in_the_clear(self, open_tables, connection):
        first, second = open_tables(), open_tables()
        assert first.public_key() == second.public_key()
        second.write("forget", **FIELDS)
        first.write("forget", **FIELDS)
        verify(open_tables())
        wrapped = connection.execute(select(KEYS.c.name, KEYS.c.wrapped)).all()
        assert [name for name, _ in wrapped] == [SIGNER_NAME]
        key = first._keys.find(SIGNER_NAME)
        assert key not in wrapped[0].wrapped
        assert len(wrapped[0].wrapped) == 12 + 32 + 16  # nonce, key, tag

    def test_the_public_key_outlives_another_master_key(self, open_tables):
        book = open_tables()
        book.write("forget", **FIELDS)
        with pytest.raises(ValueError, match="the master key does not open the keys"):
            open_tables(b"n" * 32).write("forget", **FIELDS)
        open_tables(b"n" * 32, MASTER_KEY)._keys.rewrap()
        rotated = open_tables(b"n" * 32)
        rotated.write("forget", **FIELDS)
        verify(rotated)
        assert len(rotated.read()) == 2

    def test_who_ends_before_the_commit_leaves_nothing(self, open_tables, connection):
        book = open_tables()
        book.read()  # makes the table
        connection.exec_driver_sql(SLOW_COMMIT)
        errors = []

        def write():
            try:
                book.write("forget", **FIELDS)
            except SQLAlchemyError as err:
                errors.append(err)

        thread = threading.Thread(target=write)
        thread.start()
        deadline = time.monotonic() + 30
        while not connection.exec_driver_sql(END_OF_THE_SLEEPER).all():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        thread.join()
        assert len(errors) == 1
        assert book.read() == []
        connection.exec_driver_sql("DROP TRIGGER slow ON receipts")
        assert book.write("forget", **FIELDS).number == 1
        verify(book)

    def test_a_user_of_the_database_may_only_add(self, open_tables, connection, new_postgres):
        open_tables().write("forget", **FIELDS)
        role = f"gateway_{connection.engine.url.database}"
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
        connection.exec_driver_sql(f"GRANT SELECT, INSERT ON keys, receipts TO {role}")
        address = connection.engine.url.set(username=role).render_as_string(hide_password=False)
        book = open_table(address)
        assert book.write("forget", **FIELDS).number == 2
        verify(book)
        close_table(book)

    def test_two_receipts_of_one_number_are_refused(self, open_tables, connection):
        open_tables().write("forget", **FIELDS)
        with pytest.raises(IntegrityError, match="receipts_pkey"):
            connection.execute(insert(RECEIPTS), {"number": 1, "line": "{}"})
