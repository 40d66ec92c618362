"""Tables of the persona store, and connections to the SQLite file that holds them."""

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError

APPLICATION_ID = 0x50504C47  # "PPLG", in the header of every persona store
SCHEMA_VERSION = 1
LOCK_TIMEOUT_SECONDS = 30.0

METADATA = MetaData()

NAMESPACES = Table(
    "namespaces",
    METADATA,
    Column("namespace_id", Integer, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("encoder_fingerprint", Text, nullable=False),
    Column("dim", Integer, nullable=False),
    UniqueConstraint("tenant", "encoder_fingerprint"),
)
ITEMS = Table(
    "items",
    METADATA,
    Column("row_id", Integer, primary_key=True),  # grows with every insert: the source's order
    Column("namespace_id", ForeignKey(NAMESPACES.c.namespace_id), nullable=False),
    Column("user_id", Text, nullable=False),
    Column("item_id", Text, nullable=False),
    Column("time_us", BigInteger),  # microseconds since 1970, UTC
    Column("content_hash", LargeBinary(32), nullable=False),
    Column("vector", LargeBinary, nullable=False),  # little-endian float16 [E]
    Column("output", Text),
    UniqueConstraint("namespace_id", "user_id", "item_id"),
)


def open_engine(path: Path) -> Engine:
    """Return an engine on a persona store's file, which is made where there is none.

    Raises:
        ValueError: If the file is something else, or of another schema version.
    """
    if not path.exists():
        _make_file(path)
    engine = _build_engine(path)
    try:
        with engine.connect() as connection:
            _check_file(connection, path)
    except BaseException as err:
        engine.dispose()
        if _sqlite_error(err) == sqlite3.SQLITE_NOTADB:
            raise ValueError(f"{path} is not a persona store: it is no SQLite file") from err
        raise
    return engine


def _build_engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        # Transactions are begun explicitly (BEGIN IMMEDIATE): see `PersonaStore._write`.
        connect_args={"isolation_level": None, "timeout": LOCK_TIMEOUT_SECONDS},
        hide_parameters=True,  # vectors and labels stay out of error messages and logs
    )
    event.listen(engine, "connect", _set_up_connection)
    return engine


def _set_up_connection(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute("PRAGMA secure_delete = ON")  # deleted rows are overwritten with zeros
    connection.execute("PRAGMA synchronous = NORMAL")  # the write-ahead log's usual setting
    connection.execute("PRAGMA temp_store = MEMORY")  # vectors are never spilled to other files


def _make_file(path: Path) -> None:
    """Make an empty store under another name, then give it its own.

    Two processes that switch the same file to write-ahead logging get "database is locked".
    """
    draft = path.with_name(f".{path.name}.{uuid4().hex}.partial")
    engine = _build_engine(draft)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
            METADATA.create_all(connection)
        engine.dispose()  # the last connection folds the log into the file
        with suppress(FileExistsError):  # another process was faster: its file is as good
            path.hardlink_to(draft)
    finally:
        engine.dispose()
        draft.unlink(missing_ok=True)


def _check_file(connection: Connection, path: Path) -> None:
    application_id = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    if application_id != APPLICATION_ID:
        raise ValueError(f"{path} is not a persona store: it is empty or another SQLite database")
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version != SCHEMA_VERSION:
        raise ValueError(
            f"{path} has the persona store's schema version {version}, "
            f"this code reads version {SCHEMA_VERSION}"
        )


def _sqlite_error(err: BaseException) -> int | None:
    cause = err.orig if isinstance(err, DatabaseError) else None
    return getattr(cause, "sqlite_errorcode", None)
