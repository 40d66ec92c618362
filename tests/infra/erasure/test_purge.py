"""What cannot be removed, and the receipts of what was."""

from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from components.personas.receipt_file import FileReceiptBook
from components.personas.tombstone_file import update_tombstones
from infra.erasure.purge import purge_traces
from infra.erasure.traces import Trace, write_table
from infra.verify_receipts import verify_receipts

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
HASH = "ab" * 32


def refuse() -> int:
    raise PermissionError("the bucket is read-only")


TRACES = [
    Trace("stuck", "s3://a", NOON, "holds her", remove=refuse),
    Trace("model", "models:/m/1", NOON, "she trained it", kept="the next retraining"),
    Trace("histories", "/b", NOON, "holds her", remove=lambda: 3),
]


def test_one_that_cannot_be_removed_does_not_stop_the_others(tmp_path: Path) -> None:
    book = FileReceiptBook(tmp_path / "receipts.jsonl")

    purge = purge_traces(TRACES, book, "default", HASH)

    assert [trace.what for trace in purge.removed] == ["histories"]
    assert purge.failed == [(TRACES[0], "PermissionError: the bucket is read-only")]
    [receipt] = book.read()
    assert (receipt.action, receipt.user_hash) == ("purge", HASH)
    assert [(each.place, each.rows) for each in receipt.deletions] == [("histories", 3)]
    key = load_pem_public_key((tmp_path / "receipts.pub").read_bytes())
    assert isinstance(key, Ed25519PublicKey)
    verify_receipts(book.path.read_bytes().splitlines(), key)


def test_a_purge_neither_erases_nor_readmits(tmp_path: Path) -> None:
    book, path = FileReceiptBook(tmp_path / "receipts.jsonl"), tmp_path / "tombstones.parquet"
    purge_traces(TRACES[2:], book, "default", HASH)
    assert update_tombstones(path, book.read(), b"k") == 0
    fields = {"tenant": "default", "user_hash": HASH, "deletions": ()}
    book.write("forget", **fields, key_destroyed=True, files_wiped=True)
    purge_traces(TRACES[2:], book, "default", HASH)
    assert update_tombstones(path, book.read(), b"k") == 1


def test_the_table_says_what_a_purge_does() -> None:
    lines = write_table(TRACES).splitlines()
    assert [line.split("  ")[0] for line in lines[::2]] == ["WHAT", "", "", ""]
    assert lines[1].startswith("stuck      2026-01-02 12:00  holds her")
    assert lines[1].endswith("  removed")
    assert lines[3].endswith("  kept: the next retraining")
    assert lines[2] == "    s3://a"
