"""A gateway in a process of its own, and what it takes of the machine while it is asked."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.load_generator import Asked, read_log

ROOT = Path(__file__).resolve().parents[1]
GATEWAY = "components.serving"
CHAT = "/v1/chat/completions"
READY_SECONDS, END_SECONDS = 180.0, 120.0
SAMPLE_SECONDS = 1.0
OWN_VARIABLES = "PERSONA_PLUG_"


def forget_operators_settings() -> None:
    """Drop an operator's places and keys from the environment: what is measured has its own."""
    for name in [name for name in os.environ if name.startswith(OWN_VARIABLES)]:
        del os.environ[name]


@dataclass(frozen=True)
class GatewayProcess:
    """A gateway that answers.

    Attributes:
        url: Its address.
        process: The process.
        log: File of what it logged.
    """

    url: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def read_rss_bytes(self) -> int:
        """Return the memory that it holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    def read_cpu_seconds(self) -> float:
        """Return the processor's seconds that it took so far."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text("ascii")
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def read_metrics(self) -> dict[tuple[str, str], float]:
        """Return its metrics by name and first label's value."""
        with urlopen(f"{self.url}/metrics") as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        return {
            (sample.name, next(iter(sample.labels.values()), "")): sample.value
            for family in families
            for sample in family.samples
        }

    def terminate(self) -> None:
        """Let it drain."""
        self.process.send_signal(signal.SIGTERM)


def find_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_until_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until a gateway answers.

    Raises:
        RuntimeError: If its process ends, or it takes too long; with what it logged last.
    """
    ends = time.monotonic() + READY_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        try:
            with urlopen(f"{url}/readyz"):
                return
        except (URLError, ConnectionError):
            time.sleep(0.1)
    raise RuntimeError(f"the gateway is not ready: {log.read_text('utf-8')[-2000:]}")


@contextmanager
def run_gateway(
    folder: Path, bundle: Path, settings: Path, module: str = GATEWAY, **variables: str
) -> Iterator[GatewayProcess]:
    """Start a gateway; it is ended afterwards.

    Args:
        folder: Its working directory, where its log goes.
        bundle: What it serves.
        settings: Its settings.
        module: What is run; takes the gateway's own arguments.
        **variables: Of its environment, beside this process's.

    Raises:
        RuntimeError: If it does not start.
    """
    port = find_port()
    command = [sys.executable, "-m", module, "--port", str(port)]
    command += ["--model", str(bundle), "--settings", str(settings)]
    environment = {**os.environ, **variables, "PYTHONPATH": str(ROOT)}
    log = folder / f"gateway-{port}.log"
    with log.open("wb") as written:
        process = subprocess.Popen(command, cwd=folder, env=environment, stderr=written)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(url, process, log)
        yield GatewayProcess(url, process, log)
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def start_load(
    url: str, key: str, bodies: Path, log: Path, options: Sequence[str]
) -> "subprocess.Popen[bytes]":
    """Start the load generator in a process of its own.

    Args:
        url: What is asked, with its path.
        key: The service's.
        bodies: One JSON object a line.
        log: Where it writes what became of each request.
        options: How much is asked, as `benchmarks.load_generator` takes it.
    """
    command = [sys.executable, "-m", "benchmarks.load_generator", "--url", url, "--key", key]
    command += ["--bodies", str(bodies), "--log", str(log), *options]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


def finish_load(process: "subprocess.Popen[bytes]", log: Path) -> list[Asked]:
    """Wait for the load generator; returns what became of each request.

    Raises:
        RuntimeError: If it failed.
    """
    if process.wait() != 0:
        raise RuntimeError(f"the load generator ended with status {process.returncode}")
    return read_log(log)


@contextmanager
def sample_rss(gateway: GatewayProcess) -> Iterator[list[tuple[float, int]]]:
    """Note the gateway's memory every second, as (seconds of the monotonic clock, bytes)."""
    samples: list[tuple[float, int]] = []
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(SAMPLE_SECONDS):
            samples.append((time.monotonic(), gateway.read_rss_bytes()))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield samples
    finally:
        is_over.set()
        thread.join()
