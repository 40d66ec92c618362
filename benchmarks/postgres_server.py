"""A PostgreSQL server for tests and measurements, that listens on a socket in its own folder."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

USER = "tests"
UNPRIVILEGED = "nobody"


def find_binaries() -> Path | None:
    """Return where PostgreSQL's server programs lie, None if there are none."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    found = installed[-1] if installed else shutil.which("pg_ctl")
    return Path(found).resolve().parent if found else None


@dataclass(frozen=True)
class PostgresServer:
    """A server that can be killed and started again.

    Attributes:
        binaries: Of `find_binaries`.
        folder: Of its socket, its data and its log.
        is_safe: Whether a commit waits for the disk.
    """

    binaries: Path
    folder: Path
    is_safe: bool

    @property
    def address(self) -> str:
        """Of its database."""
        return f"postgresql+psycopg://{USER}@/postgres?host={self.folder}"

    def make(self) -> None:
        """Make its data."""
        self._call("initdb", "-D", self._data, "-U", USER, "--auth=trust", "--no-sync")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-k {self.folder} -c listen_addresses= {'' if self.is_safe else '-F'}"
        log = self.folder / "log"
        self._call("pg_ctl", "-D", self._data, "-l", log, "-o", options, "-w", "start")

    def kill(self) -> None:
        """End it at once, as if it had crashed: connections break, it recovers at its start."""
        self._call("pg_ctl", "-D", self._data, "-m", "immediate", "stop")

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _call(self, program: str, *arguments: str | Path) -> None:
        is_root = os.geteuid() == 0  # PostgreSQL refuses to run as root
        user: dict[str, Any] = {"user": UNPRIVILEGED} if is_root else {}
        command = [self.binaries / program, *arguments]
        subprocess.run(command, check=True, cwd=self.folder, stdout=subprocess.DEVNULL, **user)


@contextmanager
def open_postgres(binaries: Path, *, is_safe: bool = False) -> Iterator[PostgresServer]:
    """Start a server that its user may kill and start again; it is removed afterwards.

    Args:
        binaries: Of `find_binaries`.
        is_safe: Whether a commit waits for the disk.
    """
    server = PostgresServer(
        binaries, Path(tempfile.mkdtemp(prefix="persona-plug-postgres-")), is_safe
    )
    if os.geteuid() == 0:
        shutil.chown(server.folder, UNPRIVILEGED)
    try:
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(server.folder)


@contextmanager
def run_postgres(binaries: Path, *, is_safe: bool = False) -> Iterator[str]:
    """Start a server and yield the address of its database; it is removed afterwards.

    Args:
        binaries: Of `find_binaries`.
        is_safe: Whether a commit waits for the disk.
    """
    with open_postgres(binaries, is_safe=is_safe) as server:
        yield server.address
