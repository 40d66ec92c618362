"""Receipts in a file of lines, for processes that share a disk."""

import fcntl
import os
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from components.personas.receipts import Action, Receipt, encode_public_key, sign_receipt
from components.secret_file import read_secret


class FileReceiptBook:
    """The file of all receipts.

    Args:
        path: Of the file; `receipts.pub` beside it is the public key, `receipts.key` the private
            one. All are made with the first receipt.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, action: Action, **fields: Any) -> Receipt:
        """Add a receipt and return it, once it is on the disk."""
        key = self._load_key()
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            lines = _split_whole_lines(file.read())
            # Half a line, of a process that was killed, is taken away.
            file.truncate(sum(len(line) + 1 for line in lines))
            receipt, line = sign_receipt(key, lines[-1] if lines else None, action, fields)
            file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return receipt

    def read(self) -> list[Receipt]:
        """Return all receipts, the first first."""
        return [Receipt.model_validate_json(line) for line in self.read_lines()]

    def read_lines(self) -> list[bytes]:
        """Return all receipts as they were signed; one that is being written is none yet."""
        return _split_whole_lines(self.path.read_bytes()) if self.path.exists() else []

    def public_key(self) -> bytes:
        """Return the key that checks the signatures, PEM."""
        return encode_public_key(self._load_key())

    def close(self) -> None:
        """Do nothing: the file is open only while it is used."""

    def _load_key(self) -> Ed25519PrivateKey:
        made = Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        text = read_secret(self.path.with_suffix(".key"), made.decode("ascii"))
        key = load_pem_private_key(text.encode("ascii"), password=None)
        assert isinstance(key, Ed25519PrivateKey)
        published = self.path.with_suffix(".pub")
        if not published.exists():
            published.write_bytes(encode_public_key(key))
        return key


def _split_whole_lines(text: bytes) -> list[bytes]:
    return text.split(b"\n")[:-1]
