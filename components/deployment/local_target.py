"""The target `local`: the gateway as a process of this machine.

The new process is started beside the old one and asked by a port of its own. Both accept what comes
to the clients' port then, from one socket that the old one hands on, as old and new pods stand
behind one Service; so there is always one that answers. If the new one is as it should be the old
one is told to end, and answers what it has; if not, the new one is, and the old one has never
stopped.
"""

import fcntl
import http.client
import json
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import IO, NamedTuple

from components.deployment.config import LocalConfig
from components.deployment.deploy import DeployError
from components.deployment.golden_check import Door, ask
from components.deployment.process import (
    GatewayProcess,
    find_process,
    is_alive,
    start_process,
    stop_process,
)
from components.deployment.record import ModelVersion
from components.folder import hash_file
from components.serving.gateway.settings import GOLDEN_KEY_VARIABLE
from components.serving.sockets import take_over

LOCK = "deploying.lock"
"""Held by who deploys."""
SERVING, CANDIDATE, RETIRING = "serving.json", "candidate.json", "retiring.json"
"""They describe the process that serves, one that is being tried, and one that is to end."""
KILL_AFTER_SECONDS = 10
"""How much longer than its own patience a process may take to end."""
REQUEST_SECONDS = 120


class LocalGateway(NamedTuple):
    """What every gateway of this machine is started with.

    Attributes:
        folder: Of keys, logs, downloads and the files of processes.
        settings: The gateway's settings.
        root: Where it runs, and where its code is.
        golden_key: Of the tenant of invented users.
        environment: Its environment, without that key.
    """

    folder: Path
    settings: Path
    root: Path
    golden_key: str
    environment: Mapping[str, str]


class LocalTarget:
    """A version on this machine.

    Args:
        gateway: What every version is started with.
        model: The version.
        config: Port and patience.
    """

    def __init__(self, gateway: LocalGateway, model: ModelVersion, config: LocalConfig) -> None:
        self._gateway, self._model, self._config = gateway, model, config
        self._serving, self._candidate = gateway.folder / SERVING, gateway.folder / CANDIDATE
        self._retiring = gateway.folder / RETIRING
        self.is_replacing = False
        self._before: GatewayProcess | None = None

    @property
    def objects_hash(self) -> str:
        """The sha256 of version, bundle, settings and port."""
        settings = hash_file(self._gateway.settings)
        what = [*self._model.model_dump().values(), settings, self._config.port]
        return sha256(json.dumps(what).encode()).hexdigest()

    def alone(self, who: str, timeout_seconds: float) -> AbstractContextManager[object]:
        """Keep other deployments out for a block; the lock goes with its process.

        Raises:
            DeployError: If another one is under way.
        """
        return lock_folder(self._gateway.folder)

    def preview(self) -> str:
        """Return which process would end and which begin."""
        found = find_process(self._serving)
        self._before = found or self._before
        self.is_replacing = found is None or found.objects_hash != self.objects_hash
        if not self.is_replacing:
            return ""
        old = [] if found is None else [f"- {name_process(found)}"]
        return "\n".join([*old, f"+ {self._model.place} on port {self._config.port}"])

    def apply(self) -> None:
        """Start the new process, unless the same one serves."""
        for left in (self._candidate, self._retiring):  # by a deployment that was killed
            stop_process(left, KILL_AFTER_SECONDS)
        if not self.preview():
            return
        config, gateway = self._config, self._gateway
        own_port = find_free_port()
        described = GatewayProcess(
            pid=0,
            own_port=own_port,
            port=config.port,
            handover=gateway.folder / f"{own_port}.handover",
            place=self._model.place,
            objects_hash=self.objects_hash,
            log=gateway.folder / f"gateway-{self._model.name}-{self._model.version}.log",
        )
        command = [sys.executable, "-m", "components.serving", "--model", self._model.place]
        command += ["--settings", str(gateway.settings), "--port", str(config.port)]
        command += ["--own-port", str(own_port), "--handover", str(described.handover)]
        command += ["--scratch", str(gateway.folder / "bundles")]
        command += ["--drain-seconds", str(config.drain_seconds)]
        environment = {**gateway.environment, GOLDEN_KEY_VARIABLE: gateway.golden_key}
        with self._take_listener() as handed:
            if handed:
                command += ["--handed", str(handed[0])]
            start_process(command, environment, gateway.root, self._candidate, described, handed)

    def wait(self, timeout_seconds: float) -> None:
        """Return when the new process is ready.

        Raises:
            DeployError: If it ends, or is not in time; with the last lines of its log.
        """
        file, ends = self._find_file(), time.monotonic() + timeout_seconds
        while (process := find_process(file)) is not None:
            if self._is_ready(process):
                return
            if time.monotonic() > ends:
                raise DeployError(
                    f"not ready after {timeout_seconds:g} s; its log ({process.log}) ends with:\n"
                    + process.tail()
                )
            time.sleep(0.2)
        dead = GatewayProcess.model_validate_json(file.read_text("utf-8"))
        raise DeployError(f"the process ended; its log ({dead.log}) ends with:\n{dead.tail()}")

    def doors(self) -> list[Door]:
        """Return the way to ask the new process, or the one that served all along."""
        process = find_process(self._find_file())
        if process is None:
            raise DeployError("the process has ended")
        return [self._open_door(process)]

    def keep(self) -> str:
        """Let the new process be found in the old one's place.

        Raises:
            DeployError: If the new one has ended since it was asked.
        """
        if self._candidate.exists():
            if not is_alive(self._candidate):
                raise DeployError("the process ended after it was asked")
            if self._serving.exists():
                self._serving.replace(self._retiring)
            self._candidate.replace(self._serving)
        return self._tell_serving()

    def settle(self, timeout_seconds: float) -> None:
        """Let the old process answer what it has, and end."""
        drain_seconds = self._config.drain_seconds + KILL_AFTER_SECONDS
        stop_process(self._retiring, min(timeout_seconds, drain_seconds))

    def roll_back(self, timeout_seconds: float) -> str:
        """End the new process; the old one, if there was one, has not been stopped.

        Raises:
            DeployError: If the old one has ended by itself.
        """
        stop_process(self._candidate, min(timeout_seconds, KILL_AFTER_SECONDS))
        if self._before is not None and not is_alive(self._serving):
            raise DeployError(f"{name_process(self._before)} has ended too, and nothing serves")
        return self._tell_serving()

    @contextmanager
    def _take_listener(self) -> Iterator[list[int]]:
        """Give the descriptor of the clients' port, if a process of ours serves there."""
        serving = find_process(self._serving)
        if serving is None or serving.port != self._config.port:
            yield []
            return
        listener = take_over(serving.handover)
        if listener is None:
            raise DeployError(f"{name_process(serving)} doesn't hand its port on")
        with listener:
            yield [listener.fileno()]

    def _find_file(self) -> Path:
        """Return which process is meant: the one being tried, or what serves all along."""
        return self._candidate if self._candidate.exists() else self._serving

    def _open_door(self, process: GatewayProcess) -> Door:
        connect = partial(
            http.client.HTTPConnection, "127.0.0.1", process.own_port, timeout=REQUEST_SECONDS
        )
        return Door(f"process {process.pid}", self._gateway.golden_key, connect)

    def _is_ready(self, process: GatewayProcess) -> bool:
        try:
            ask(self._open_door(process), "GET", "/readyz")
        except Exception:  # refused, no connection yet, a broken answer: all the same, not ready
            return False
        return True

    def _tell_serving(self) -> str:
        found = find_process(self._serving)
        return "nothing" if found is None else name_process(found)


def lock_folder(folder: Path) -> IO[str]:
    """Keep other deployments out for as long as what is returned is open.

    Raises:
        DeployError: If there is one.
    """
    held = (folder / LOCK).open("w")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as err:
        held.close()
        raise DeployError(f"another deployment to {folder} is under way") from err
    return held


def name_process(process: GatewayProcess) -> str:
    """Return what a process serves and where."""
    return f"{process.place} on port {process.port} (process {process.pid})"


def find_free_port() -> int:
    """Return a port that nobody listens on at the moment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def stop_gateway(folder: Path, drain_seconds: float) -> bool:
    """End the process that serves, if there is one; returns whether there was.

    Raises:
        DeployError: If a deployment is under way.
    """
    if not folder.exists():  # nothing was ever deployed
        return False
    with lock_folder(folder):
        was_alive = is_alive(folder / SERVING)
        for name in (CANDIDATE, RETIRING, SERVING):
            stop_process(folder / name, drain_seconds + KILL_AFTER_SECONDS)
        return was_alive
