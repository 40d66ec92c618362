"""Receipts in a PostgreSQL table beside the users' keys, for pods that share no disk."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Column, Engine, Integer, MetaData, Table, Text, insert, make_url, select

from components.personas.engines import Engines
from components.personas.keys import KeyStore
from components.personas.postgres import open_postgres
from components.personas.receipts import Action, Receipt, encode_public_key, sign_receipt

SIGNER_NAME = b"receipts' signer"
"""Of the key that signs, among those of users, whose names are 16 bytes of a hash."""
WRITING_LOCK = 0x50505243  # of PostgreSQL's advisory locks; needs no right on the table
DATABASE_NAME = "postgres"

RECEIPTS = Table(
    "receipts",
    MetaData(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("line", Text, nullable=False),  # ASCII, as it was signed
)
LINES = select(RECEIPTS.c.line).order_by(RECEIPTS.c.number)
LAST_LINE = select(RECEIPTS.c.line).order_by(RECEIPTS.c.number.desc()).limit(1)


class PostgresReceiptBook:
    """All receipts in one table, signed with one key by all processes.

    Args:
        address: `postgresql+psycopg://...`. Its user makes the table unless it is there, and needs
            no more than to select from it and insert into it.
        keys: Keep the key that signs as they keep a user's: 32 random bytes, made with the first
            receipt, wrapped by the master key.
    """

    def __init__(self, address: str, keys: KeyStore) -> None:
        self._url = make_url(address)
        self._keys = keys
        self._engines = Engines(self._open)

    def write(self, action: Action, **fields: Any) -> Receipt:
        """Add a receipt and return it, once it is committed.

        Raises:
            ValueError: If the master key is another one than that which wrapped the signing key.
        """
        key = self._load_key()
        with self._engines.write(DATABASE_NAME) as connection:
            # Until the end of the transaction: the next writer sees this line as the last.
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITING_LOCK})")
            last = connection.execute(LAST_LINE).scalar_one_or_none()
            receipt, line = sign_receipt(key, last.encode() if last else None, action, fields)
            row = {"number": receipt.number, "line": line.decode("ascii")}
            connection.execute(insert(RECEIPTS), row)
        return receipt

    def read(self) -> list[Receipt]:
        """Return all receipts, the first first."""
        return [Receipt.model_validate_json(line) for line in self.read_lines()]

    def read_lines(self) -> list[bytes]:
        """Return all receipts as they were signed, without line ends, the first first."""
        with self._engines.engine(DATABASE_NAME).connect() as connection:
            return [line.encode() for line in connection.execute(LINES).scalars()]

    def public_key(self) -> bytes:
        """Return the key that checks the signatures, PEM.

        Raises:
            ValueError: As `write`.
        """
        return encode_public_key(self._load_key())

    def close(self) -> None:
        """Close the connections; the keys stay open."""
        self._engines.close()

    def _load_key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._keys.make([SIGNER_NAME])[SIGNER_NAME])

    def _open(self, name: str) -> Engine:
        return open_postgres(self._url, RECEIPTS, RECEIPTS.metadata.create_all)
