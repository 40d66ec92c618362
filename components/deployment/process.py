"""A gateway's process that outlives whoever started it, and the file by which it is found again.

The file is locked for as long as the process lives, by a descriptor that it inherits: so it is told
from another one that has got its number since, on whatever system. The lock goes with the file when
that is renamed.
"""

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import Field

from components.config import Config
from components.deployment.signals import hold_signals

LOOK_SECONDS = 0.05
LOG_LINES = 15


class GatewayProcess(Config):
    """A process that was started."""

    pid: int = Field(description="Its number.")
    own_port: int = Field(description="Where it can be asked by itself, on 127.0.0.1.")
    port: int = Field(description="Where clients ask, of two processes while one takes over.")
    handover: Path = Field(description="Where the next process gets the socket of that port.")
    place: str = Field(description="What it was told to serve.")
    objects_hash: str = Field(description="sha256 of all that it was started with.")
    log: Path = Field(description="Where it says what it does.")

    def tail(self) -> str:
        """Return the last lines of its log."""
        lines = self.log.read_text("utf-8", "replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-LOG_LINES:])


def start_process(
    command: Sequence[str],
    environment: Mapping[str, str],
    directory: Path,
    file: Path,
    described: GatewayProcess,
    descriptors: Sequence[int] = (),
) -> GatewayProcess:
    """Start a process in a session of its own.

    Args:
        command: What is run.
        environment: Its whole environment.
        directory: Where it runs.
        file: Describes it, and is locked while it lives; what stood there is overwritten.
        described: The process, but for its number.
        descriptors: What it inherits beside the lock.
    """
    # Interrupted in between, nobody would know its number.
    with hold_signals(), file.open("w", encoding="utf-8") as held, described.log.open("wb") as log:
        fcntl.flock(held, fcntl.LOCK_EX)
        child = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(held.fileno(), *descriptors),
        )
        started = described.model_copy(update={"pid": child.pid})
        held.write(started.model_dump_json(indent=1) + "\n")
    return started


def is_alive(file: Path) -> bool:
    """Return whether the process that a file describes lives."""
    with suppress(FileNotFoundError), file.open() as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def find_process(file: Path) -> GatewayProcess | None:
    """Return the living process that a file describes; None if there is none."""
    if not is_alive(file):
        return None
    return GatewayProcess.model_validate_json(file.read_text("utf-8"))


def stop_process(file: Path, seconds: float) -> None:
    """End the process that a file describes, if it lives: it answers what it has, or is killed.

    Args:
        file: Describes it; removed.
        seconds: Longest wait before it is killed.
    """
    found = find_process(file)
    if found is not None:
        os.kill(found.pid, signal.SIGTERM)
        if not _wait_for_end(file, seconds):
            os.kill(found.pid, signal.SIGKILL)
            _wait_for_end(file, seconds)
        found.handover.unlink(missing_ok=True)
    file.unlink(missing_ok=True)


def _wait_for_end(file: Path, seconds: float) -> bool:
    ends = time.monotonic() + seconds
    while is_alive(file):
        if time.monotonic() > ends:
            return False
        time.sleep(LOOK_SECONDS)
    return True
