"""A PostgreSQL server for tests and measurements, that listens on a socket in its own folder."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

USER = "tests"
UNPRIVILEGED = "nobody"


def find_binaries() -> Path | None:
    """Return where PostgreSQL's server programs lie, None if there are none."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    found = installed[-1] if installed else shutil.which("pg_ctl")
    return Path(found).resolve().parent if found else None


@contextmanager
def run_postgres(binaries: Path, *, is_safe: bool = False) -> Iterator[str]:
    """Start a server and yield the address of its database; it is removed afterwards.

    Args:
        binaries: Of `find_binaries`.
        is_safe: Whether a commit waits for the disk.
    """
    folder = Path(tempfile.mkdtemp(prefix="persona-plug-postgres-"))
    user: dict[str, Any] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, UNPRIVILEGED)
        user = {"user": UNPRIVILEGED}

    def call(*command: str | Path) -> None:
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **user)

    data = folder / "data"
    options = f"-k {folder} -c listen_addresses= {'' if is_safe else '-F'}"
    try:
        call(binaries / "initdb", "-D", data, "-U", USER, "--auth=trust", "--no-sync")
        call(binaries / "pg_ctl", "-D", data, "-l", folder / "log", "-o", options, "-w", "start")
        try:
            yield f"postgresql+psycopg://{USER}@/postgres?host={folder}"
        finally:
            call(binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
