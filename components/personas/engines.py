"""Databases by name, opened when first asked for, by each process for itself."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    PoolProxiedConnection,
    Table,
    TextClause,
    text,
)
from sqlalchemy.sql import ClauseElement


class Query:
    """A statement that is compiled once a dialect, then goes to the driver as text.

    SQLAlchemy's own execution takes as long as the whole read does at the driver.

    Args:
        statement: A select with named parameters.
    """

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, dict[str, Any]]] = {}

    def compile(self, engine: Engine) -> tuple[str, dict[str, Any]]:
        """Return the text for an engine's driver, and the parameters it holds already."""
        name = engine.dialect.name
        if name not in self._compiled:
            compiled = self._statement.compile(dialect=engine.dialect)
            self._compiled[name] = str(compiled), dict(compiled.params)
        return self._compiled[name]


class Engines:
    """Engines whose connections are in autocommit; neither crosses a fork.

    Args:
        open_engine: Opens the database of a name.
    """

    def __init__(self, open_engine: Callable[[str], Engine]) -> None:
        self._open_engine = open_engine
        self._engines: dict[str, Engine] | None = {}
        self._idle: defaultdict[str, list[PoolProxiedConnection]] = defaultdict(list)
        self._inherited: list[Any] = []
        self._pid = os.getpid()
        self._lock = Lock()

    def engine(self, name: str) -> Engine:
        """Return the engine of a database.

        Raises:
            ValueError: If the store was closed, or as the database's opening.
        """
        if self._engines is None:
            raise ValueError("the persona store is closed")
        if os.getpid() != self._pid:
            # A child must not even close its parent's connections.
            self._inherited += [self._engines, self._idle]
            self._engines, self._idle = {}, defaultdict(list)
            self._pid, self._lock = os.getpid(), Lock()
        if (engine := self._engines.get(name)) is not None:
            return engine
        with self._lock:
            if name not in self._engines:
                self._engines[name] = self._open_engine(name)
            return self._engines[name]

    def fetch(self, name: str, query: Query, parameters: Mapping[str, Any]) -> list[Any]:
        """Return all rows of a query, by the driver itself.

        Connections for it are kept at hand: the engine's pool would take a third of the time.
        """
        engine = self.engine(name)
        text, fixed = query.compile(engine)
        given, idle = {**fixed, **parameters}, self._idle[name]
        if (connection := _take(idle)) is not None:
            try:
                return _fetch(connection, text, given, idle)
            except engine.dialect.loaded_dbapi.OperationalError:
                # Perhaps the server was started anew: then all that were kept are dead.
                while (connection := _take(idle)) is not None:
                    connection.invalidate()
        return _fetch(engine.raw_connection(), text, given, idle)

    @contextmanager
    def write(self, name: str) -> Iterator[Connection]:
        """Give a transaction; an error undoes it.

        SQLite's first statement must be one that writes: a lock is waited for then, and not later.
        """
        with self.engine(name).connect() as connection:
            connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            except BaseException:
                connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql("COMMIT")

    def close(self) -> None:
        """Close all connections of this process."""
        if self._engines is not None and os.getpid() == self._pid:
            for idle in self._idle.values():
                while idle:
                    idle.pop().close()
            for engine in self._engines.values():
                engine.dispose()
        self._engines = None


def insert_if_absent(table: Table) -> TextClause:
    """Return the statement that inserts a row, unless one of its primary key is there."""
    names = [column.name for column in table.columns]
    values = ", ".join(f":{name}" for name in names)
    return text(
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({values}) ON CONFLICT DO NOTHING"
    )


def _take(idle: list[PoolProxiedConnection]) -> PoolProxiedConnection | None:
    try:
        return idle.pop()
    except IndexError:  # there is none, or another thread was faster
        return None


def _fetch(
    connection: PoolProxiedConnection,
    text: str,
    given: Mapping[str, Any],
    idle: list[PoolProxiedConnection],
) -> list[Any]:
    """Return a query's rows, and keep the connection at hand."""
    try:
        cursor = connection.cursor()
        cursor.execute(text, given)
        rows = list(cursor.fetchall())
    except BaseException:
        connection.invalidate()
        raise
    idle.append(connection)
    return rows
