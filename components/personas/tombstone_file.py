"""The tombstone file that validation reads, brought up to date from the receipts of erasures.

Not for servers: the file is written by pyarrow.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from components.personas.receipts import Receipt
from components.validation.tombstones import read_tombstones, write_tombstones


def update_tombstones(path: Path, receipts: list[Receipt], key: bytes) -> int:
    """Add who was erased, take away who agreed again; return how many users are in the file.

    Users whom somebody else wrote into the file stay. Doing it again changes nothing. The file does
    not know tenants: who was erased by one is refused by the histories of all.

    Args:
        path: The file; made if it isn't there.
        receipts: All of them, the first first.
        key: Of the users' hashes.

    Raises:
        ValueError: If the file is none of tombstones, or of another key.
    """
    erased = follow_receipts(receipts, read_tombstones(path, key) if path.exists() else {})
    write_tombstones(path, erased, key)
    return len(erased)


def follow_receipts(
    receipts: Iterable[Receipt], before: Mapping[str, datetime]
) -> dict[str, datetime]:
    """Return when each user was erased who has not agreed again, by hash.

    Args:
        receipts: All of them, the first first.
        before: Who was erased without a receipt.
    """
    erased = dict(before)
    for receipt in receipts:
        if receipt.action == "forget":
            erased[receipt.user_hash] = receipt.time
        elif receipt.action == "readmit":
            erased.pop(receipt.user_hash, None)
    return erased
