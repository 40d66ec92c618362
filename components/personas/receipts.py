"""Receipts of erasures: one line each, signed, and chained by hash so that none can go missing.

A line is JSON. Its `signature` is Ed25519 over the rest of it as JSON with sorted keys and without
spaces; `previous` is the sha256 of the line before. `infra/verify_receipts.py` checks all of it
without this package. Lines lie in a file (`receipt_file`) or in PostgreSQL (`receipt_table`).
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import Field

from components.config import Config

NO_RECEIPT = "0" * 64

Action = Literal["forget", "purge", "readmit"]


class Deletion(Config):
    """How much was deleted at one place."""

    place: str = Field(
        description="File or table, fingerprint and generation; of a purge, what was removed."
    )
    rows: int = Field(ge=1, description="Number of rows; of a purge, of files.")


class Receipt(Config):
    """What `forget`, `purge` or `readmit` did."""

    number: int = Field(ge=1, description="Of the receipt in its book.")
    action: Action = Field(
        description="Whether the user was erased, an artifact or report that held her was removed, "
        "or she agreed again to being stored."
    )
    tenant: str = Field(description="Whose user.")
    user_hash: str = Field(description="As `components.user_hash.hash_user`.")
    time: datetime = Field(description="When it was done, UTC.")
    deletions: tuple[Deletion, ...] = Field(description="What was deleted, and where.")
    key_destroyed: bool = Field(description="Whether the user has no key any more.")
    files_wiped: bool = Field(
        description="Whether no deleted byte is left in the files of personas and keys; false "
        "while another process reads an old state (forget again later), and for PostgreSQL, "
        "whose log keeps what only the destroyed key would open. A purge deletes files and wipes "
        "none."
    )
    previous: str = Field(description="Sha256 of the line before, zeros for the first.")
    signature: str = Field(description="Ed25519 over all other fields, hexadecimal.")


class ReceiptBook(Protocol):
    """All receipts of a custody, in one chain, whoever writes at the same time."""

    def write(self, action: Action, **fields: Any) -> Receipt:
        """Add a receipt and return it, once it outlives a power cut.

        Args:
            action: What was done.
            **fields: The fields of the receipt that are not about its place in the book.
        """

    def read(self) -> list[Receipt]:
        """Return all receipts, the first first."""

    def read_lines(self) -> list[bytes]:
        """Return all receipts as they were signed, without line ends, the first first."""

    def public_key(self) -> bytes:
        """Return the key that checks the signatures, PEM; it stays the same."""

    def close(self) -> None:
        """Close what is open."""


def sign_receipt(
    key: Ed25519PrivateKey, last: bytes | None, action: Action, fields: dict[str, Any]
) -> tuple[Receipt, bytes]:
    """Return the receipt after another one, and its line.

    Args:
        key: Signs it.
        last: The line before, none for the first.
        action: What was done.
        fields: As `ReceiptBook.write`.
    """
    unsigned = {
        "number": json.loads(last)["number"] + 1 if last else 1,
        "action": action,
        "time": datetime.now(UTC),
        "previous": hashlib.sha256(last).hexdigest() if last else NO_RECEIPT,
        "signature": "",
        **fields,
    }
    body = Receipt.model_validate(unsigned).model_dump(mode="json")
    del body["signature"]
    signed = {**body, "signature": key.sign(_to_line(body)).hex()}
    return Receipt.model_validate(signed), _to_line(signed)


def encode_public_key(key: Ed25519PrivateKey) -> bytes:
    """Return what checks a key's signatures, PEM."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _to_line(values: dict[str, Any]) -> bytes:
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode()
