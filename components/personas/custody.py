"""What a persona store needs beside its rows, kept apart from them: keys and receipts."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from components.personas.keys import (
    KeyStore,
    PostgresKeyStore,
    SQLiteKeyStore,
)
from components.personas.master_keys import load_master_keys
from components.personas.receipt_file import FileReceiptBook
from components.personas.receipt_table import PostgresReceiptBook
from components.personas.receipts import ReceiptBook
from components.user_hash import check_value

KEYS_VARIABLE = "PERSONA_PLUG_KEYS"
MASTER_KEY_FILE = "master.key"
KEPT_IN = "persona store"
NOBODYS_NAME = bytes(16)
"""Of a key that seals nothing: by it a key store is known."""


@dataclass(frozen=True)
class Custody:
    """One for all stores of an operator, so that one erasure makes all of them unreadable.

    Attributes:
        hash_key: Key of the users' hashes (`components.user_hash.load_key`).
        keys: Every user's data key.
        receipts: What was erased.
    """

    hash_key: bytes = field(repr=False)
    keys: KeyStore
    receipts: ReceiptBook

    def check_values(self) -> dict[str, str]:
        """Return what a store keeps of its custody, so that another one is told.

        Another key of hashes would find no user; another key store would erase nobody.
        """
        own_key = self.keys.make([NOBODYS_NAME])[NOBODYS_NAME]
        return {
            "hash_key_check": check_value(self.hash_key, KEPT_IN),
            "keys_check": check_value(own_key, KEPT_IN),
        }

    def close(self) -> None:
        """Close keys and receipts."""
        self.receipts.close()
        self.keys.close()


def open_custody(directory: Path, hash_key: bytes) -> Custody:
    """Return an operator's custody.

    Args:
        directory: As `open_keys_and_receipts`.
        hash_key: Key of the users' hashes.

    Raises:
        ValueError: If the master key is none.
    """
    return Custody(hash_key, *open_keys_and_receipts(directory))


def find_key_database() -> str | None:
    """Return the address of the database that all pods share their keys and receipts by."""
    return os.environ.get(KEYS_VARIABLE) or None


def open_keys_and_receipts(directory: Path) -> tuple[KeyStore, ReceiptBook]:
    """Return what lies in a directory: `keys/`, `master.key`, `receipts.jsonl`; made if missing.

    If `PERSONA_PLUG_KEYS` is the address of a PostgreSQL database, keys and receipts are there, and
    the directory has at most `master.key`.

    Args:
        directory: Where it lies, on a disk that the stores' backups don't cover.

    Raises:
        ValueError: If the master key is none.
    """
    master_keys = load_master_keys(directory / MASTER_KEY_FILE)
    if address := find_key_database():
        keys = PostgresKeyStore(address, *master_keys)
        return keys, PostgresReceiptBook(address, keys)
    receipts = FileReceiptBook(directory / "receipts.jsonl")
    return SQLiteKeyStore(directory / "keys", *master_keys), receipts
