"""The persona store: every user's behavior vectors, by tenant, user and encoder fingerprint.

One SQLite file. It takes vectors, not texts, and knows no encoder. Reads may come from any number
of processes and threads; writers wait for each other. Letters: n items of one user, E width of
the history encoder.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine, Select, delete, func, insert, select

from components.personas.persona import PersonaItem, Receipt, StoredPersona, StoreStat
from components.personas.rows import check_id, to_persona, to_rows
from components.personas.schema import ITEMS, NAMESPACES, open_engine

USERS_PER_PAGE = 256


class PersonaStore:
    """All personas of one tenant under one history encoder; made by `PersonaStore.open`.

    Args:
        path: The store's SQLite file.
        fingerprint: Fingerprint of the history encoder whose vectors it holds.
        dim: Width E of the vectors.
        tenant: Whose users these are; tenants share the file and see nothing of each other.
    """

    def __init__(self, path: Path, fingerprint: str, dim: int, tenant: str) -> None:
        self.path = path
        self.fingerprint = fingerprint
        self.dim = dim
        self.tenant = tenant
        self._pid = os.getpid()
        self._inherited: list[Engine] = []
        self._engine: Engine | None = open_engine(path)
        try:
            self._namespace_id = self._find_namespace()
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(
        cls,
        path: Path,
        fingerprint: str,
        dim: int,
        tenant: str = "default",
        *,
        create: bool = True,
    ) -> Self:
        """Open a store, or make one where there is no file.

        Args:
            path: The SQLite file, in an existing directory that can be written (even reading
                keeps a log beside the file).
            fingerprint: Fingerprint of the history encoder.
            dim: Width E of its vectors.
            tenant: Whose users to read and write.
            create: Whether a missing file is made. A reader says False: a mistyped path would
                otherwise serve every user without history.

        Raises:
            ValueError: If the store was made with another fingerprint or dim, the file is
                missing or something else, or an argument is blank.
        """
        check_id("fingerprint", fingerprint)
        check_id("tenant", tenant)
        if dim < 1:
            raise ValueError(f"dim is {dim}, a persona store's vectors have at least 1 number")
        if not path.parent.is_dir():
            raise ValueError(f"persona store {path}: there is no directory {path.parent}")
        if not create and not path.is_file():
            raise ValueError(f"persona store {path}: there is no such file")
        return cls(path.resolve(), fingerprint, dim, tenant)

    def get(self, user_id: str, max_items: int = 512) -> StoredPersona:
        """Return a user's newest items, oldest first; an empty persona for an unknown user.

        Items are ordered by time, those without a time first, then by when they were stored.

        Raises:
            ValueError: If `max_items` is below 1.
        """
        if max_items < 1:
            raise ValueError(f"max_items is {max_items}, allowed is 1 or more")
        with self._connect() as connection:
            return self._read(connection, user_id, max_items)

    def append(self, user_id: str, items: Iterable[PersonaItem]) -> None:
        """Add items to a user's history; they are visible to the next read. All or none.

        Raises:
            ValueError: If a vector is not [E] or not finite as float16, an id is blank, a content
                hash is no sha256, or the user already has an item of that id.
        """
        rows = self._rows(user_id, items)
        with self._write() as connection:
            self._refuse_stored(connection, user_id, [row["item_id"] for row in rows])
            self._insert(connection, rows)

    def replace(self, user_id: str, items: Iterable[PersonaItem]) -> None:
        """Put these items in the place of a user's whole history. All or none.

        Raises:
            ValueError: As `append`, or if an item id comes twice.
        """
        rows = self._rows(user_id, items)
        with self._write() as connection:
            connection.execute(delete(ITEMS).where(*self._of(user_id)))
            self._insert(connection, rows)

    def forget(self, user_id: str) -> Receipt:
        """Delete a user's items, so that no byte of them stays in the store's files.

        The whole file is rewritten by way of memory, while other writers wait. Copies made
        earlier (backups, artifacts) are not reached. Forgetting twice is no error.
        """
        with self._write() as connection:
            rows_deleted = connection.execute(delete(ITEMS).where(*self._of(user_id))).rowcount
        time = datetime.now(UTC)
        with self._connect() as connection:
            # secure_delete misses old copies of rows that a split moved between pages (measured).
            connection.exec_driver_sql("VACUUM")
            checkpoint = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        user_hash = hashlib.sha256(f"{self.tenant}\0{user_id}".encode()).hexdigest()
        return Receipt(
            user_hash=user_hash,
            rows_deleted=rows_deleted,
            time=time,
            file=self.path,
            log_emptied=checkpoint[0] == 0,
        )

    def scan(self) -> Iterator[tuple[str, StoredPersona]]:
        """Yield every user with the whole history, by user id; few are in memory at a time.

        No lock is held between two users: each persona is as it stood when it was reached.
        """
        last: str | None = None
        while True:
            with self._connect() as connection:
                user_ids = connection.execute(self._users_after(last)).scalars().all()
            for user_id in user_ids:
                with self._connect() as connection:
                    persona = self._read(connection, user_id, None)
                if len(persona):  # else forgotten since the page was read
                    yield user_id, persona
            if not user_ids:
                return
            last = user_ids[-1]

    def stat(self) -> StoreStat:
        """Count the tenant's users and items, and the bytes of the file."""
        counts = select(func.count(ITEMS.c.user_id.distinct()), func.count()).where(
            ITEMS.c.namespace_id == self._namespace_id
        )
        with self._connect() as connection:
            users, items = connection.execute(counts).one()
        files = [self.path, self.path.with_name(f"{self.path.name}-wal")]
        size_bytes = sum(file.stat().st_size for file in files if file.exists())
        return StoreStat(
            users=users, items=items, size_bytes=size_bytes, fingerprint=self.fingerprint
        )

    def close(self) -> None:
        """Close the connections; where nobody else has it open, one file is left."""
        if self._engine is not None and os.getpid() == self._pid:
            self._engine.dispose()
        self._engine = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _connect(self) -> Connection:
        if self._engine is None:
            raise ValueError(f"persona store {self.path} is closed")
        if os.getpid() != self._pid:
            # SQLite's connections must not cross a fork, not even to be closed in the child.
            self._inherited.append(self._engine)
            self._engine, self._pid = open_engine(self.path), os.getpid()
        return self._engine.connect()

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        """Give a transaction that holds the write lock from its start; an error undoes it."""
        with self._connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()

    def _find_namespace(self) -> int:
        key = (NAMESPACES.c.tenant == self.tenant, NAMESPACES.c.encoder_fingerprint)
        found = select(NAMESPACES.c.namespace_id).where(key[0], key[1] == self.fingerprint)
        with self._connect() as connection:
            self._check_made_with(connection)
            namespace_id = connection.execute(found).scalar_one_or_none()
        if namespace_id is not None:
            return namespace_id
        with self._write() as connection:
            self._check_made_with(connection)
            namespace_id = connection.execute(found).scalar_one_or_none()
            if namespace_id is None:
                values = {
                    "tenant": self.tenant,
                    "encoder_fingerprint": self.fingerprint,
                    "dim": self.dim,
                }
                added = connection.execute(insert(NAMESPACES).values(values))
                namespace_id = added.inserted_primary_key[0]  # type: ignore[index]
        return int(namespace_id)

    def _check_made_with(self, connection: Connection) -> None:
        made_with = select(NAMESPACES.c.encoder_fingerprint, NAMESPACES.c.dim).limit(1)
        for fingerprint, dim in connection.execute(made_with):
            if (fingerprint, dim) != (self.fingerprint, self.dim):
                raise ValueError(
                    f"persona store {self.path} was made with fingerprint {fingerprint!r} and dim "
                    f"{dim}, but is opened with fingerprint {self.fingerprint!r} and dim {self.dim}"
                )

    def _of(self, user_id: str) -> tuple[Any, Any]:
        return ITEMS.c.namespace_id == self._namespace_id, ITEMS.c.user_id == user_id

    def _users_after(self, last: str | None) -> Select[tuple[str]]:
        users = select(ITEMS.c.user_id).where(ITEMS.c.namespace_id == self._namespace_id)
        if last is not None:
            users = users.where(ITEMS.c.user_id > last)
        return users.distinct().order_by(ITEMS.c.user_id).limit(USERS_PER_PAGE)

    def _read(self, connection: Connection, user_id: str, max_items: int | None) -> StoredPersona:
        newest_first = (
            select(ITEMS.c.item_id, ITEMS.c.time_us, ITEMS.c.vector)
            .where(*self._of(user_id))
            .order_by(ITEMS.c.time_us.desc().nulls_last(), ITEMS.c.row_id.desc())
            .limit(max_items)
        )
        return to_persona(connection.execute(newest_first).all()[::-1], self.dim)

    def _rows(self, user_id: str, items: Iterable[PersonaItem]) -> list[dict[str, Any]]:
        owner = {"namespace_id": self._namespace_id, "user_id": user_id}
        return [{**owner, **row} for row in to_rows(user_id, items, self.dim)]

    def _refuse_stored(self, connection: Connection, user_id: str, item_ids: Sequence[str]) -> None:
        stored = select(ITEMS.c.item_id).where(*self._of(user_id))
        known = set(connection.execute(stored).scalars())
        for item_id in item_ids:
            if item_id in known:
                raise ValueError(f"user {user_id!r}, item {item_id!r}: is already stored")

    def _insert(self, connection: Connection, rows: list[dict[str, Any]]) -> None:
        if rows:  # without rows SQLAlchemy would insert one of defaults
            connection.execute(insert(ITEMS), rows)
