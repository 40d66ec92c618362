"""SQLite files that keep nothing of what was deleted."""

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, MetaData, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError

APPLICATION_ID = 0x50504C47  # "PPLG", in the header of every file
PAGE_BYTES = 16_384  # a row lies within its page, and a user within two
LOCK_TIMEOUT_SECONDS = 30.0
MAIN, ATTACHED = "main", "rows"


def open_sqlite_file(
    path: Path, tables: MetaData, *, catalog: Path | None = None, durable: bool = False
) -> Engine:
    """Return an engine on a file, which is made where there is none.

    Args:
        path: The file.
        tables: What a new file holds; their `info` has a `version`, so that a file of other tables
            is told.
        catalog: Another file whose tables every connection can use too. A statement sees the
            catalog as it was, then the file as it was no earlier: SQLite takes the state of the
            main database before that of an attached one.
        durable: Whether a commit outlives a power cut, not just the process.

    Raises:
        ValueError: If the file is something else, or of another schema version.
    """
    version = tables.info["version"]
    if not path.exists():
        _make_file(path, tables)
    engine = _build_engine(path, catalog, durable)
    name = MAIN if catalog is None else ATTACHED
    try:
        with engine.connect() as connection:
            found = [
                connection.exec_driver_sql(f"PRAGMA {name}.{pragma}").scalar_one()
                for pragma in ("application_id", "user_version")
            ]
    except DatabaseError as err:
        engine.dispose()
        if getattr(err.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
            raise ValueError(f"{path} is not a persona store: it is no SQLite file") from err
        raise
    if found != [APPLICATION_ID, version]:
        engine.dispose()
        raise ValueError(
            f"{path} is not a persona store of version {version}: it is empty, another "
            f"SQLite database, or of version {found[1]}"
        )
    return engine


def wipe_sqlite_file(engine: Engine, name: str = MAIN) -> bool:
    """Rewrite a file without what was deleted; return whether its log was emptied too.

    secure_delete misses old copies of rows that a split moved between pages (measured). The log
    stays while another process reads an old state.

    Args:
        engine: Of `open_sqlite_file`.
        name: `ATTACHED` where it was opened with a catalog.
    """
    with engine.connect() as connection:
        connection.exec_driver_sql(f"VACUUM {name}")
        return connection.exec_driver_sql(f"PRAGMA {name}.wal_checkpoint(TRUNCATE)").one()[0] == 0


def list_sqlite_files(path: Path) -> list[Path]:
    """Return a database's file, and its log if there is one."""
    return [file for file in (path, path.with_name(f"{path.name}-wal")) if file.exists()]


def _build_engine(path: Path, catalog: Path | None, durable: bool) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path if catalog is None else catalog)),
        # Transactions are begun explicitly.
        connect_args={"isolation_level": None, "timeout": LOCK_TIMEOUT_SECONDS},
        paramstyle="named",
        max_overflow=-1,  # as many connections as there are threads
        hide_parameters=True,  # nothing of a user gets into error messages and logs
    )

    def set_up(connection: sqlite3.Connection, _record: Any) -> None:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # counts for a new file only
        # Deleted rows are overwritten with zeros; attached files take this over.
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA temp_store = MEMORY")  # nothing is spilled to other files
        if catalog is not None:
            connection.execute(f"ATTACH DATABASE ? AS {ATTACHED}", (str(path),))
        for name in (MAIN, *([] if catalog is None else [ATTACHED])):
            connection.execute(f"PRAGMA {name}.synchronous = {'FULL' if durable else 'NORMAL'}")

    event.listen(engine, "connect", set_up)
    return engine


def _make_file(path: Path, tables: MetaData) -> None:
    """Make an empty file under another name, then give it its own.

    Two processes that switch the same file to write-ahead logging get "database is locked".
    """
    draft = path.with_name(f".{path.name}.{uuid4().hex}.partial")
    engine = _build_engine(draft, None, True)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.exec_driver_sql(f"PRAGMA user_version = {tables.info['version']}")
            tables.create_all(connection)
        engine.dispose()  # the last connection folds the log into the file
        with suppress(FileExistsError):  # another process was faster: its file is as good
            path.hardlink_to(draft)
    finally:
        engine.dispose()
        draft.unlink(missing_ok=True)
