"""Where the tables lie: SQLite files, one a shard, or PostgreSQL, one partition a shard."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, select, text, update
from sqlalchemy.engine import URL, make_url

from components.personas.custody import Custody
from components.personas.engines import Engines, Query, insert_if_absent
from components.personas.postgres import lock_creation, open_postgres
from components.personas.sqlite_file import (
    ATTACHED,
    list_sqlite_files,
    open_sqlite_file,
    wipe_sqlite_file,
)
from components.personas.tables import CATALOG, ITEMS, SETTINGS, SHARD, SHARDS

CATALOG_NAME = "catalog"
MAX_SHARDS = 4096
SEQUENCE = Query(select(SHARDS.c.sequence).where(SHARDS.c.shard == bindparam("shard")))
OTHER_CUSTODY = {
    "hash_key_check": "was made under another key of user hashes; under this one no user would be "
    "found",
    "keys_check": "was made with the keys of another custody; with these nobody's rows could be "
    "read, and nobody be erased",
}


class Database(ABC):
    """Shards and a catalog, whatever holds them.

    Args:
        num_shards: Of a new database; one that exists keeps its own.
        custody: The operator's; check values of its keys are kept.

    Raises:
        ValueError: If it was made with another custody.
    """

    def __init__(self, num_shards: int, custody: Custody) -> None:
        if not 1 <= num_shards <= MAX_SHARDS:
            raise ValueError(f"num_shards is {num_shards}, allowed is 1 to {MAX_SHARDS}")
        self._engines = Engines(self._open)
        checks = custody.check_values()
        settings = self._settle({"num_shards": str(num_shards), **checks})
        self.num_shards = int(settings["num_shards"])
        for name, check in checks.items():
            if settings[name] != check:
                self.close()
                raise ValueError(f"persona store {self}: {OTHER_CUSTODY[name]}")
        self._prepare_shards()

    @abstractmethod
    def size_bytes(self) -> int:
        """Return the bytes of all tables, of all tenants."""

    @abstractmethod
    def wipe(self, shard: int) -> bool:
        """Let a shard's deleted rows leave no byte; return whether that was done."""

    @abstractmethod
    def name_shard(self, shard: int) -> str:
        """Return where a shard lies, for receipts."""

    def fetch(self, shard: int, query: Query, parameters: Mapping[str, Any]) -> list[Any]:
        """Return all rows of a query on a shard and the catalog."""
        return self._engines.fetch(self._name(shard), query, {"shard": shard, **parameters})

    def read_sequences(self) -> tuple[int, ...]:
        """Return the last appended row of each shard."""
        shards = range(self.num_shards)
        return tuple(self.fetch(shard, SEQUENCE, {})[0][0] for shard in shards)

    def read(self, shard: int) -> Connection:
        """Return a connection to a shard, each of whose statements stands by itself."""
        return self._engines.engine(self._name(shard)).connect()

    @contextmanager
    def write(self, shard: int, num_rows: int = 0) -> Iterator[tuple[Connection, int]]:
        """Give a transaction that alone writes to a shard, and the first of its sequence numbers.

        As one writer waits for the other, sequence numbers are committed in their order: who sees
        a number sees all before it.

        Args:
            shard: Which.
            num_rows: How many numbers it takes.
        """
        advance = (
            update(SHARDS)
            .where(SHARDS.c.shard == shard)
            .values(sequence=SHARDS.c.sequence + num_rows)
            .returning(SHARDS.c.sequence)
        )
        with self._engines.write(self._name(shard)) as connection:
            yield connection, connection.execute(advance).scalar_one() - num_rows + 1

    def read_catalog(self) -> Connection:
        """Return a connection to the catalog, each of whose statements stands by itself."""
        return self._engines.engine(CATALOG_NAME).connect()

    @contextmanager
    def write_catalog(self) -> Iterator[Connection]:
        """Give a transaction that alone writes to the catalog."""
        lock = update(SETTINGS).where(SETTINGS.c.name == "num_shards").values(name="num_shards")
        with self._engines.write(CATALOG_NAME) as connection:
            connection.execute(lock)
            yield connection

    def close(self) -> None:
        """Close the connections of this process."""
        self._engines.close()

    @abstractmethod
    def _open(self, name: str) -> Engine: ...

    @abstractmethod
    def _prepare_shards(self) -> None: ...

    def _name(self, shard: int) -> str:
        return f"shard-{shard:04}"

    def _settle(self, wanted: dict[str, str]) -> dict[str, str]:
        """Return the settings the store was made with, these if nobody made it yet."""
        kept = select(SETTINGS.c.name, SETTINGS.c.value)
        with self.read_catalog() as connection:
            if found := connection.execute(kept).all():
                return dict(found)  # type: ignore[arg-type]
        with self._engines.write(CATALOG_NAME) as connection:
            for name, value in wanted.items():
                connection.execute(insert_if_absent(SETTINGS), {"name": name, "value": value})
        return self._settle(wanted)


class SQLiteDatabase(Database):
    """A directory of files: `catalog.sqlite`, and one a shard.

    Args:
        directory: In an existing directory that can be written (even reading keeps logs there).
        num_shards: As `Database`.
        custody: As `Database`.
        create: Whether missing files are made.

    Raises:
        ValueError: If the store is missing, or as `Database`.
    """

    def __init__(
        self, directory: Path, num_shards: int, custody: Custody, *, create: bool = True
    ) -> None:
        self._directory = directory.resolve()
        self._creates = create
        if not directory.parent.is_dir():
            raise ValueError(f"persona store {directory}: there is no directory {directory.parent}")
        if create:
            self._directory.mkdir(exist_ok=True)
        super().__init__(num_shards, custody)

    def __str__(self) -> str:
        return str(self._directory)

    def size_bytes(self) -> int:
        """Return the bytes of all files and their logs."""
        paths = self._directory.glob("*.sqlite")
        return sum(file.stat().st_size for path in paths for file in list_sqlite_files(path))

    def wipe(self, shard: int) -> bool:
        """Rewrite a shard's file by way of memory, while its other writers wait."""
        return wipe_sqlite_file(self._engines.engine(self._name(shard)), ATTACHED)

    def name_shard(self, shard: int) -> str:
        """Return the file's name."""
        return f"{self._name(shard)}.sqlite"

    def _open(self, name: str) -> Engine:
        path = self._directory / f"{name}.sqlite"
        if not self._creates and not path.is_file():
            raise ValueError(f"persona store {self}: there is no file {path.name}")
        if name == CATALOG_NAME:
            return open_sqlite_file(path, CATALOG)
        catalog = self._directory / f"{CATALOG_NAME}.sqlite"
        engine = open_sqlite_file(path, SHARD, catalog=catalog)
        row = {"shard": int(name.partition("-")[2]), "sequence": 0}
        with engine.connect() as connection:
            if connection.execute(select(SHARDS)).first() is None:  # else a reader need not wait
                connection.execute(insert_if_absent(SHARDS), row)
        return engine

    def _prepare_shards(self) -> None:
        for shard in range(self.num_shards if self._creates else 0):
            if not (self._directory / self.name_shard(shard)).exists():
                self._open(self._name(shard)).dispose()


class PostgresDatabase(Database):
    """A PostgreSQL database; its user may make tables, unless they are there.

    Args:
        url: For SQLAlchemy with psycopg: `postgresql+psycopg://...`.
        num_shards: As `Database`.
        custody: As `Database`.
        create: Whether missing tables are made.

    Raises:
        ValueError: As `Database`.
    """

    def __init__(self, url: URL, num_shards: int, custody: Custody, *, create: bool = True) -> None:
        self._url = url
        self._creates = create
        super().__init__(num_shards, custody)

    def __str__(self) -> str:
        return self._url.render_as_string()

    def size_bytes(self) -> int:
        """Return the bytes of all partitions, their indexes and what is stored beside them."""
        statement = text(
            "SELECT coalesce(sum(pg_total_relation_size(relid)), 0) FROM pg_partition_tree('items')"
        )
        with self.read_catalog() as connection:
            return int(connection.execute(statement).scalar_one())

    def wipe(self, shard: int) -> bool:
        """Vacuum a shard's partition; PostgreSQL's log and backups keep what the key sealed."""
        with self.read_catalog() as connection:
            connection.exec_driver_sql(f"VACUUM {self.name_shard(shard)}")
        return False

    def name_shard(self, shard: int) -> str:
        """Return the partition's name."""
        return f"items_{shard:04}"

    def _name(self, shard: int) -> str:
        return CATALOG_NAME  # one pool of connections for all

    def _open(self, name: str) -> Engine:
        return open_postgres(self._url, SETTINGS, self._make_tables)

    def _make_tables(self, connection: Connection) -> None:
        if not self._creates:
            raise ValueError(f"persona store {self}: there is no table {SETTINGS.name}")
        CATALOG.create_all(connection)
        SHARD.create_all(connection)
        for column in (ITEMS.c.persona, ITEMS.c.contents):  # what is sealed can't be compressed
            connection.exec_driver_sql(
                f"ALTER TABLE items ALTER COLUMN {column.name} SET STORAGE EXTERNAL"
            )

    def _prepare_shards(self) -> None:
        with self.read_catalog() as connection:
            made = set(connection.execute(select(SHARDS.c.shard)).scalars())
        if len(made) == self.num_shards:
            return
        with self._engines.write(CATALOG_NAME) as connection:
            lock_creation(connection)
            for shard in range(self.num_shards):
                connection.exec_driver_sql(
                    f"CREATE TABLE IF NOT EXISTS {self.name_shard(shard)} "
                    f"PARTITION OF items FOR VALUES IN ({shard})"
                )
                connection.execute(insert_if_absent(SHARDS), {"shard": shard, "sequence": 0})


def open_database(
    place: str | Path, num_shards: int, custody: Custody, *, create: bool = True
) -> Database:
    """Open a store's database: a directory, or the address of a PostgreSQL database.

    Args:
        place: A directory, or `postgresql+psycopg://USER:PASSWORD@HOST/DATABASE`.
        num_shards: As `Database`.
        custody: As `Database`.
        create: As the databases.

    Raises:
        ValueError: If the place is neither, or as the databases.
    """
    if isinstance(place, str) and "://" in place:
        url = make_url(place)
        if url.drivername != "postgresql+psycopg":
            raise ValueError(f"persona store: {url.drivername}:// is not postgresql+psycopg://")
        return PostgresDatabase(url, num_shards, custody, create=create)
    return SQLiteDatabase(Path(place), num_shards, custody, create=create)
