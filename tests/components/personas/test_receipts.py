"""The file of receipts, beside what `infra/verify_receipts.py` checks."""

import hashlib
import stat
import threading

import pytest

from components.personas.receipts import NO_RECEIPT, ReceiptBook

FIELDS = {
    "tenant": "default",
    "user_hash": "ab",
    "deletions": (),
    "key_destroyed": True,
    "files_wiped": True,
}


@pytest.fixture
def book(tmp_path):
    return ReceiptBook(tmp_path / "receipts.jsonl")


def test_each_receipt_names_the_line_before(book):
    first, second = book.write("forget", **FIELDS), book.write("readmit", **FIELDS)
    lines = book.path.read_bytes().splitlines()
    assert (first.number, first.previous) == (1, NO_RECEIPT)
    assert (second.number, second.previous) == (2, hashlib.sha256(lines[0]).hexdigest())
    assert book.read() == [first, second]
    assert stat.S_IMODE(book.path.with_suffix(".key").stat().st_mode) == 0o600
    assert b"PUBLIC KEY" in book.path.with_suffix(".pub").read_bytes()


def test_half_a_receipt_is_taken_away(book):
    first = book.write("forget", **FIELDS)
    with book.path.open("ab") as file:
        file.write(b'{"number": 2, "act')
    second = book.write("forget", **FIELDS)
    assert book.read() == [first, second]


def test_writers_wait_for_each_other(book):
    threads = [threading.Thread(target=book.write, args=["forget"], kwargs=FIELDS) for _ in "12345"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [NO_RECEIPT.encode(), *book.path.read_bytes().splitlines()]
    hashes = [NO_RECEIPT, *(hashlib.sha256(line).hexdigest() for line in lines[1:])]
    assert [receipt.previous for receipt in book.read()] == hashes[:5]


def test_there_are_no_receipts_before_the_first(book):
    assert book.read() == []
