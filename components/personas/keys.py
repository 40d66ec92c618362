"""Every user's data key, in a place of its own: who destroys it makes all copies unreadable.

A key is kept wrapped by a master key. A key that was destroyed leaves its name behind, so that no
batch and no request makes another one, until the user agrees again.
"""

import os
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import (
    Column,
    Engine,
    LargeBinary,
    MetaData,
    Table,
    bindparam,
    delete,
    insert,
    make_url,
    select,
)

from components.personas.engines import Engines, Query, insert_if_absent
from components.personas.postgres import open_postgres
from components.personas.sqlite_file import open_sqlite_file, wipe_sqlite_file
from components.secret_file import read_secret

MASTER_KEY_VARIABLE = "PERSONA_PLUG_MASTER_KEY"
KEY_BYTES, NONCE_BYTES = 32, 12
NAMES_PER_STATEMENT = 500

KEYS = Table(
    "keys",
    MetaData(info={"version": 2}),  # never counted up: keys can't be made anew
    Column("name", LargeBinary, primary_key=True),
    Column("wrapped", LargeBinary),  # none for a key that was destroyed
    sqlite_with_rowid=False,
)
FIND = Query(select(KEYS.c.wrapped).where(KEYS.c.name == bindparam("name")))


class KeyStore(Protocol):
    """What keeps users' data keys: a database as below, or a key management service."""

    def find(self, name: bytes) -> bytes | None:
        """Return a user's key, none if it was destroyed or never made."""

    def is_destroyed(self, name: bytes) -> bool:
        """Return whether a user's key was destroyed, and not allowed again."""

    def make(self, names: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return users' keys, made where there are none; users whose key was destroyed are absent.

        A key that was returned outlives a power cut.
        """

    def destroy(self, name: bytes) -> bool:
        """Destroy a user's key for good; return whether no byte of it is left here."""

    def allow(self, name: bytes) -> None:
        """Let a new key be made for a user whose key was destroyed."""

    def close(self) -> None:
        """Close what is open."""


class TableKeyStore(ABC):
    """Keys in a table of a database, each wrapped by a master key.

    Args:
        engines: The database's; of several files the one that has a key is found by `_file_of`.
        master_key: 32 bytes that wrap every key.
    """

    def __init__(self, engines: Engines, master_key: bytes) -> None:
        self._engines = engines
        self._master = AESGCM(master_key)

    @abstractmethod
    def _file_of(self, name: bytes) -> str:
        """Return which file has a key."""

    @abstractmethod
    def _wipe(self, file: str) -> bool:
        """Let deleted keys leave no byte in a file; return whether that was done."""

    def find(self, name: bytes) -> bytes | None:
        """Return a user's key, none if it was destroyed or never made.

        Raises:
            ValueError: If the master key is another one than that which wrapped it.
        """
        rows = self._engines.fetch(self._file_of(name), FIND, {"name": name})
        return self._unwrap(name, rows[0][0]) if rows and rows[0][0] is not None else None

    def is_destroyed(self, name: bytes) -> bool:
        """Return whether a user's key was destroyed, and not allowed again."""
        rows = self._engines.fetch(self._file_of(name), FIND, {"name": name})
        return bool(rows) and rows[0][0] is None

    def make(self, names: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return users' keys, made where there are none; users whose key was destroyed are absent.

        Raises:
            ValueError: As `find`.
        """
        keys: dict[bytes, bytes] = {}
        for file, part in self._split_by_file(names):
            found = self._find_all(file, part)
            # In one order, so that two processes never wait for one another.
            missing = sorted(part - found.keys())
            if missing:
                new = [{"name": name, "wrapped": self._wrap_new(name)} for name in missing]
                with self._engines.write(file) as connection:
                    connection.execute(insert_if_absent(KEYS), new)
                found = self._find_all(file, part)  # another process may have been faster
            opened = {name: self._unwrap(name, found[name]) for name in part if found[name]}
            keys.update(opened)
        return keys

    def destroy(self, name: bytes) -> bool:
        """Destroy a user's key for good; return whether no byte of it is left in the files."""
        file = self._file_of(name)
        with self._engines.write(file) as connection:
            # Deleted first, so that its bytes are overwritten with zeros.
            connection.execute(delete(KEYS).where(KEYS.c.name == name))
            connection.execute(insert(KEYS), {"name": name, "wrapped": None})
        return self._wipe(file)

    def allow(self, name: bytes) -> None:
        """Let a new key be made for a user whose key was destroyed."""
        gone = (KEYS.c.name == name, KEYS.c.wrapped.is_(None))
        with self._engines.write(self._file_of(name)) as connection:
            connection.execute(delete(KEYS).where(*gone))

    def close(self) -> None:
        """Close the connections."""
        self._engines.close()

    def _find_all(self, file: str, names: Iterable[bytes]) -> dict[bytes, bytes]:
        wanted = select(KEYS.c.name, KEYS.c.wrapped).where(KEYS.c.name.in_(sorted(names)))
        with self._engines.engine(file).connect() as connection:
            return dict(connection.execute(wanted).all())  # type: ignore[arg-type]

    def _split_by_file(self, names: Sequence[bytes]) -> Iterator[tuple[str, set[bytes]]]:
        for file, group in groupby(sorted(set(names)), key=self._file_of):
            part = list(group)
            for start in range(0, len(part), NAMES_PER_STATEMENT):
                yield file, set(part[start : start + NAMES_PER_STATEMENT])

    def _wrap_new(self, name: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._master.encrypt(nonce, os.urandom(KEY_BYTES), name)

    def _unwrap(self, name: bytes, wrapped: bytes) -> bytes:
        try:
            return self._master.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], name)
        except InvalidTag as err:
            raise ValueError(
                f"the master key does not open the keys in {self}: they were wrapped by another one"
            ) from err


class SQLiteKeyStore(TableKeyStore):
    """Keys in sixteen SQLite files, by the first digit of their names.

    Args:
        directory: Where they lie; made if it is not there. Back it up apart from the personas, and
            let its backups expire: a copy of it, with the master key, opens what it opened.
        master_key: 32 bytes that wrap every key.
    """

    def __init__(self, directory: Path, master_key: bytes) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._directory = directory
        engines = Engines(
            lambda file: open_sqlite_file(directory / file, KEYS.metadata, durable=True)
        )
        super().__init__(engines, master_key)

    def __str__(self) -> str:
        return str(self._directory)

    def _file_of(self, name: bytes) -> str:
        return f"keys-{name[0] >> 4:x}.sqlite"

    def _wipe(self, file: str) -> bool:
        return wipe_sqlite_file(self._engines.engine(file))


class PostgresKeyStore(TableKeyStore):
    """Keys in a PostgreSQL database of their own, for pods that share no disk.

    Its log and backups keep wrapped keys for a while, which the master key opens: let them expire.

    Args:
        address: `postgresql+psycopg://...`; another database than the personas', with other
            backups. Its user may make the table, unless it is there.
        master_key: 32 bytes that wrap every key.
    """

    def __init__(self, address: str, master_key: bytes) -> None:
        self._url = make_url(address)
        super().__init__(Engines(self._open), master_key)

    def __str__(self) -> str:
        return self._url.render_as_string()

    def _open(self, name: str) -> Engine:
        return open_postgres(self._url, KEYS, KEYS.metadata.create_all)

    def _file_of(self, name: bytes) -> str:
        return "postgres"

    def _wipe(self, file: str) -> bool:
        with self._engines.engine(file).connect() as connection:
            connection.exec_driver_sql(f"VACUUM {KEYS.name}")
        return False


def load_master_key(path: Path) -> bytes:
    """Return the master key, from the environment or a file made at first use.

    Args:
        path: A file of 64 hexadecimal digits, readable by its owner only; used where
            `PERSONA_PLUG_MASTER_KEY` is not set.

    Raises:
        ValueError: If it is not 64 hexadecimal digits.
    """
    source, digits = MASTER_KEY_VARIABLE, os.environ.get(MASTER_KEY_VARIABLE)
    if not digits:
        source, digits = str(path), read_secret(path, secrets.token_hex(KEY_BYTES))
    try:
        key = bytes.fromhex(digits)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"{source}: expected a master key of {2 * KEY_BYTES} hexadecimal digits")
    return key
