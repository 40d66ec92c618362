"""Opening a PostgreSQL database, and making its tables once, whoever comes at the same time."""

from collections.abc import Callable

from sqlalchemy import Connection, Engine, Table, create_engine
from sqlalchemy.engine import URL

CREATION_LOCK = 0x50504C47  # of PostgreSQL's advisory locks
CONNECT_SECONDS = 10
"""Longest wait for a server; without a limit it is the operating system's, of minutes."""


def open_postgres(url: URL, table: Table, make_tables: Callable[[Connection], None]) -> Engine:
    """Return an engine whose connections are in autocommit.

    Args:
        url: Of the database, for psycopg.
        table: If it isn't there, the tables are made.
        make_tables: Makes them, in a transaction that others wait for.

    Raises:
        ValueError: As `make_tables`.
    """
    engine = create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_pre_ping=True,  # a server that was started anew is no error
        max_overflow=-1,  # as many connections as there are threads
        connect_args={"connect_timeout": CONNECT_SECONDS},
        hide_parameters=True,  # nothing of a user gets into error messages and logs
    )
    try:
        with engine.connect() as connection:
            if not engine.dialect.has_table(connection, table.name):
                connection.exec_driver_sql("BEGIN")
                lock_creation(connection)
                make_tables(connection)
                connection.exec_driver_sql("COMMIT")
    except BaseException:
        engine.dispose()
        raise
    return engine


def lock_creation(connection: Connection) -> None:
    """Let nobody else make tables until the end of the transaction."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({CREATION_LOCK})")
