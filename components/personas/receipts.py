"""Receipts of erasures: one line each, signed, and chained by hash so that none can go missing.

The file holds JSON lines. A line's `signature` is Ed25519 over the rest of it as JSON with sorted
keys and without spaces; `previous` is the sha256 of the line before. `infra/verify_receipts.py`
checks all of it without this package.
"""

import fcntl
import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from pydantic import Field

from components.config import Config
from components.secret_file import read_secret

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

    number: int = Field(ge=1, description="Of the receipt in its file.")
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


class ReceiptBook:
    """The file of all receipts.

    Args:
        path: Of the file; `receipts.pub` beside it is the public key, `receipts.key` the private
            one. All are made with the first receipt.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, action: Action, **fields: Any) -> Receipt:
        """Add a receipt and return it, once it is on the disk.

        Args:
            action: What was done.
            **fields: The fields of the receipt that are not about the file.
        """
        key = self._load_key()
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            last = _read_last_line(file)
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
            file.write(_to_line(signed) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return Receipt.model_validate(signed)

    def read(self) -> list[Receipt]:
        """Return all receipts, the first first."""
        if not self.path.exists():
            return []
        lines = self.path.read_bytes().splitlines()
        return [Receipt.model_validate_json(line) for line in lines]

    def _load_key(self) -> Ed25519PrivateKey:
        made = Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        text = read_secret(self.path.with_suffix(".key"), made.decode("ascii"))
        key = load_pem_private_key(text.encode("ascii"), password=None)
        assert isinstance(key, Ed25519PrivateKey)
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        published = self.path.with_suffix(".pub")
        if not published.exists():
            published.write_bytes(public)
        return key


def _read_last_line(file: IO[bytes]) -> bytes:
    """Return the last whole line; half a line, of a process that was killed, is taken away."""
    file.seek(0)
    lines = file.read().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        file.truncate(file.tell() - len(lines.pop()))
    return lines[-1].rstrip(b"\n") if lines else b""


def _to_line(values: dict[str, Any]) -> bytes:
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode()
