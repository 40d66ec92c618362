"""Tables of the persona store, and connections to the SQLite file that holds them."""

import sqlite3
from pathlib import Path
from typing import Any

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
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        # Transactions are begun explicitly (BEGIN IMMEDIATE): see `PersonaStore._write`.
        connect_args={"isolation_level": None, "timeout": LOCK_TIMEOUT_SECONDS},
        hide_parameters=True,  # vectors and labels stay out of error messages and logs
    )
    event.listen(engine, "connect", _set_up_connection)
    try:
        with engine.connect() as connection:
            _set_up_file(connection, path)
    except DatabaseError as err:
        engine.dispose()
        if getattr(err.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
            raise ValueError(f"{path} is not a persona store: it is no SQLite file") from err
        raise
    except ValueError:
        engine.dispose()
        raise
    return engine


def _set_up_connection(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute("PRAGMA secure_delete = ON")  # deleted rows are overwritten with zeros
    connection.execute("PRAGMA synchronous = NORMAL")  # the write-ahead log's usual setting
    connection.execute("PRAGMA temp_store = MEMORY")  # vectors are never spilled to other files


def _set_up_file(connection: Connection, path: Path) -> None:
    """Check that the file is ours; make the tables in an empty one."""
    if _is_ours(connection, path):
        return
    connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    METADATA.create_all(connection)  # no more than a check where another process was faster
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.commit()


def _is_ours(connection: Connection, path: Path) -> bool:
    """Return whether the file is a persona store; False for an empty file."""
    # The tables first: another process may be making them, and the id comes with them.
    if not connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one():
        return False
    if connection.exec_driver_sql("PRAGMA application_id").scalar_one() != APPLICATION_ID:
        raise ValueError(f"{path} is not a persona store: it is another SQLite database")
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version != SCHEMA_VERSION:
        raise ValueError(
            f"{path} has the persona store's schema version {version}, "
            f"this code reads version {SCHEMA_VERSION}"
        )
    return True
