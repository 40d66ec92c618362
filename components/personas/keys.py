"""Every user's data key, in a place of its own: who destroys it makes all copies unreadable.

A key is kept wrapped by a master key. A key that was destroyed leaves its name behind, so that no
batch and no request makes another one, until the user agrees again. Several master keys may be
given, as to `cryptography.fernet.MultiFernet`: the first one wraps, each of them opens.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, Protocol

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
    update,
)

from components.personas.engines import Engines, Query, insert_if_absent
from components.personas.postgres import open_postgres
from components.personas.sqlite_file import open_sqlite_file, wipe_sqlite_file

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
PAGE = (
    select(KEYS.c.name, KEYS.c.wrapped)
    .where(KEYS.c.name > bindparam("after"), KEYS.c.wrapped.is_not(None))
    .order_by(KEYS.c.name)
    .limit(NAMES_PER_STATEMENT)
)
REWRAP = (
    update(KEYS)
    .where(KEYS.c.name == bindparam("key"), KEYS.c.wrapped == bindparam("old"))
    .values(wrapped=bindparam("new"))
)


class Rewrapping(NamedTuple):
    """What became of the keys of a store."""

    num_keys: int
    """All that are not destroyed."""
    num_changed: int
    """Those that the first master key had not wrapped, and has now."""
    is_wiped: bool
    """Whether no byte of an old wrapping is left here."""


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

    def rewrap(self) -> Rewrapping:
        """Wrap by the newest master key what an older one wrapped."""

    def close(self) -> None:
        """Close what is open."""


class TableKeyStore(ABC):
    """Keys in a table of a database, each wrapped by a master key.

    Args:
        engines: The database's; of several files the one that has a key is found by `_file_of`.
        master_keys: 32 bytes each: the first one wraps, each of them opens.
    """

    def __init__(self, engines: Engines, master_keys: Sequence[bytes]) -> None:
        self._engines = engines
        self._masters = [AESGCM(key) for key in master_keys]

    @abstractmethod
    def _file_of(self, name: bytes) -> str:
        """Return which file has a key."""

    @abstractmethod
    def _list_files(self) -> list[str]:
        """Return the files that there are."""

    @abstractmethod
    def _wipe(self, file: str) -> bool:
        """Let deleted keys leave no byte in a file; return whether that was done."""

    def find(self, name: bytes) -> bytes | None:
        """Return a user's key, none if it was destroyed or never made.

        Raises:
            ValueError: If no master key is the one that wrapped it.
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
                new = [
                    {"name": name, "wrapped": self._wrap(name, os.urandom(KEY_BYTES))}
                    for name in missing
                ]
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

    def rewrap(self) -> Rewrapping:
        """Wrap by the first master key what another one wrapped.

        It may be killed and called again, and others may read, make and destroy keys meanwhile, if
        the first master key is theirs too.

        Raises:
            ValueError: As `find`; what was wrapped anew until then stays so.
        """
        num_keys = num_changed = 0
        wiped = []
        for file in self._list_files():
            for page in self._read_pages(file):
                num_keys += len(page)
                num_changed += self._rewrap_page(file, page)
            wiped.append(self._wipe(file))
        return Rewrapping(num_keys, num_changed, all(wiped))

    def close(self) -> None:
        """Close the connections."""
        self._engines.close()

    def _read_pages(self, file: str) -> Iterator[dict[bytes, bytes]]:
        """Yield the keys of a file, still wrapped, some hundred at a time."""
        page: dict[bytes, bytes] = {}
        while page := self._read_page(file, max(page, default=b"")):
            yield page

    def _read_page(self, file: str, after: bytes) -> dict[bytes, bytes]:
        with self._engines.engine(file).connect() as connection:
            return dict(connection.execute(PAGE, {"after": after}).all())  # type: ignore[arg-type]

    def _rewrap_page(self, file: str, page: dict[bytes, bytes]) -> int:
        """Wrap keys of a file anew where that is due; return how many were."""
        opened = {name: self._open(name, wrapped) for name, wrapped in page.items()}
        changed = [
            {"key": name, "old": page[name], "new": self._wrap(name, key)}
            for name, (key, place) in opened.items()
            if place
        ]
        if changed:
            with self._engines.write(file) as connection:
                connection.execute(REWRAP, changed)  # a key destroyed meanwhile stays so
        return len(changed)

    def _find_all(self, file: str, names: Iterable[bytes]) -> dict[bytes, bytes]:
        wanted = select(KEYS.c.name, KEYS.c.wrapped).where(KEYS.c.name.in_(sorted(names)))
        with self._engines.engine(file).connect() as connection:
            return dict(connection.execute(wanted).all())  # type: ignore[arg-type]

    def _split_by_file(self, names: Sequence[bytes]) -> Iterator[tuple[str, set[bytes]]]:
        for file, group in groupby(sorted(set(names)), key=self._file_of):
            part = list(group)
            for start in range(0, len(part), NAMES_PER_STATEMENT):
                yield file, set(part[start : start + NAMES_PER_STATEMENT])

    def _wrap(self, name: bytes, key: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._masters[0].encrypt(nonce, key, name)

    def _unwrap(self, name: bytes, wrapped: bytes) -> bytes:
        return self._open(name, wrapped)[0]

    def _open(self, name: bytes, wrapped: bytes) -> tuple[bytes, int]:
        """Return a key, and which master key opens it, from 0."""
        for place, master in enumerate(self._masters):
            with suppress(InvalidTag):
                key = master.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], name)
                return key, place
        raise ValueError(
            f"the master key does not open the keys in {self}: they were wrapped by another one"
        )


class SQLiteKeyStore(TableKeyStore):
    """Keys in sixteen SQLite files, by the first digit of their names.

    Args:
        directory: Where they lie; made if it is not there. Back it up apart from the personas, and
            let its backups expire: a copy of it, with the master key, opens what it opened.
        *master_keys: 32 bytes each: the first one wraps, each of them opens.
    """

    def __init__(self, directory: Path, *master_keys: bytes) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._directory = directory
        engines = Engines(
            lambda file: open_sqlite_file(directory / file, KEYS.metadata, durable=True)
        )
        super().__init__(engines, master_keys)

    def __str__(self) -> str:
        return str(self._directory)

    def _file_of(self, name: bytes) -> str:
        return f"keys-{name[0] >> 4:x}.sqlite"

    def _list_files(self) -> list[str]:
        return sorted(path.name for path in self._directory.glob("keys-?.sqlite"))

    def _wipe(self, file: str) -> bool:
        return wipe_sqlite_file(self._engines.engine(file))


class PostgresKeyStore(TableKeyStore):
    """Keys in a PostgreSQL database of their own, for pods that share no disk.

    Its log and backups keep wrapped keys for a while, which the master key opens: let them expire.

    Args:
        address: `postgresql+psycopg://...`; another database than the personas', with other
            backups. Its user may make the table, unless it is there.
        *master_keys: 32 bytes each: the first one wraps, each of them opens.
    """

    def __init__(self, address: str, *master_keys: bytes) -> None:
        self._url = make_url(address)
        super().__init__(Engines(self._open_engine), master_keys)

    def __str__(self) -> str:
        return self._url.render_as_string()

    def _open_engine(self, name: str) -> Engine:
        return open_postgres(self._url, KEYS, KEYS.metadata.create_all)

    def _file_of(self, name: bytes) -> str:
        return "postgres"

    def _list_files(self) -> list[str]:
        return ["postgres"]

    def _wipe(self, file: str) -> bool:
        with self._engines.engine(file).connect() as connection:
            connection.exec_driver_sql(f"VACUUM {KEYS.name}")
        return False
