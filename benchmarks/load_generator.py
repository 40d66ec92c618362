"""A process that asks a gateway: so many clients in turn, or so many requests a second.

    python -m benchmarks.load_generator --url URL --key KEY --bodies FILE --clients 16 --seconds 10

Closed loop (`--clients`): each client waits for its answer before it asks again. Open loop
(`--rate`): requests are begun at their times, whether or not earlier ones are answered. It ends
after `--seconds` or `--requests`, when what was begun is answered. The last line is one JSON
object; `--log` keeps one JSON object a request, its times by the machine's monotonic clock.
"""

import argparse
import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx2
import numpy as np

TIMEOUT_SECONDS = 120.0
KEPT_ALIVE_SECONDS = 2.0
"""Shorter than uvicorn's 5 s: a connection that it is about to close is not used again."""
FAILED = 0
"""Stands for the status where there was none."""


@dataclass(frozen=True)
class Asked:
    """What became of one request."""

    began: float
    """Seconds of the monotonic clock."""
    ended: float
    status: int
    """Of HTTP; 0 if the connection failed."""
    version: str = ""
    """Of the model that answered."""
    persona: str = ""
    """How much of a persona it was answered by."""
    code: str = ""
    """Of an error, or the connection's exception."""


@dataclass(frozen=True)
class Target:
    """What is asked for how long."""

    url: str
    key: str
    bodies: Sequence[bytes]
    seconds: float
    requests: int | None
    """Most requests; None for as many as the time allows."""

    def __post_init__(self) -> None:
        if not self.bodies:
            raise ValueError("there are no bodies to ask")

    def list_bodies(self) -> Iterator[bytes]:
        """Yield bodies in turn, until there were enough."""
        return itertools.islice(itertools.cycle(self.bodies), self.requests)


async def ask(client: httpx2.AsyncClient, target: Target, body: bytes) -> Asked:
    """Ask once."""
    began = time.monotonic()
    try:
        answer = await client.post(target.url, content=body)
    except httpx2.TransportError as err:
        return Asked(began, time.monotonic(), FAILED, code=type(err).__name__)
    ended, told = time.monotonic(), answer.json()
    code = str((told.get("error") or {}).get("code", ""))
    persona, version = told.get("persona_status", ""), told.get("model_version", "")
    return Asked(began, ended, answer.status_code, version, persona, code)


async def ask_in_turn(client: httpx2.AsyncClient, target: Target, num_clients: int) -> list[Asked]:
    """Ask by clients that each wait for an answer."""
    ends, bodies = time.monotonic() + target.seconds, target.list_bodies()

    async def ask_on() -> list[Asked]:
        asked = []
        while time.monotonic() < ends and (body := next(bodies, None)) is not None:
            asked.append(await ask(client, target, body))
        return asked

    return list(itertools.chain(*await asyncio.gather(*(ask_on() for _ in range(num_clients)))))


async def ask_at_rate(client: httpx2.AsyncClient, target: Target, rate: float) -> list[Asked]:
    """Begin a request every 1/rate seconds; one that is late does not delay those after it."""
    first, tasks = time.monotonic(), []
    for number, body in enumerate(target.list_bodies()):
        due = first + number / rate
        if due > first + target.seconds:
            break
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        tasks.append(asyncio.create_task(ask(client, target, body)))
    return list(await asyncio.gather(*tasks))


async def generate(target: Target, num_clients: int | None, rate: float | None) -> list[Asked]:
    """Ask in closed loop if there are clients, else in open loop; returns requests as they began.

    Raises:
        ValueError: If neither or both are given.
    """
    headers = {"Authorization": f"Bearer {target.key}", "Content-Type": "application/json"}
    limits = httpx2.Limits(max_connections=None, keepalive_expiry=KEPT_ALIVE_SECONDS)
    timeout = httpx2.Timeout(TIMEOUT_SECONDS)
    async with httpx2.AsyncClient(headers=headers, limits=limits, timeout=timeout) as client:
        if num_clients is not None and rate is None:
            asked = await ask_in_turn(client, target, num_clients)
        elif rate is not None and num_clients is None:
            asked = await ask_at_rate(client, target, rate)
        else:
            raise ValueError(
                f"clients are {num_clients}, rate is {rate}; one of them must be given"
            )
    return sorted(asked, key=lambda one: one.began)


def summarize(asked: Sequence[Asked]) -> dict[str, Any]:
    """Count requests by status, and say how long answers took.

    Rates are over the time from the first request's beginning to the last one's end.
    """
    seconds = max(one.ended for one in asked) - min(one.began for one in asked)
    taken = [one.ended - one.began for one in asked if one.status == httpx2.codes.OK]
    p50, p99 = np.quantile(taken, [0.5, 0.99]).tolist() if taken else (None, None)
    return {
        "requests": len(asked),
        "statuses": dict(sorted(Counter(str(one.status) for one in asked).items())),
        "codes": dict(Counter(one.code for one in asked if one.code)),
        "errors": count_errors(asked),
        "seconds": seconds,
        "offered_per_second": len(asked) / seconds,
        "answered_per_second": len(taken) / seconds,
        "p50_seconds": p50,
        "p99_seconds": p99,
    }


def count_errors(asked: Sequence[Asked]) -> int:
    """Count requests that were neither answered nor told to come again."""
    fine = (httpx2.codes.OK, httpx2.codes.TOO_MANY_REQUESTS)
    return sum(one.status not in fine for one in asked)


def read_log(path: Path) -> list[Asked]:
    """Read what `--log` wrote."""
    return [Asked(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--url", required=True, help="what is asked, with its path")
    parser.add_argument("--key", required=True)
    parser.add_argument("--bodies", type=Path, required=True, help="one JSON object a line")
    parser.add_argument("--clients", type=int, help="closed loop: how many ask at once")
    parser.add_argument("--rate", type=float, help="open loop: requests a second")
    parser.add_argument("--seconds", type=float, default=10.0, help="in which requests are begun")
    parser.add_argument("--requests", type=int, help="most requests")
    parser.add_argument("--log", type=Path, help="file of all requests")
    given = parser.parse_args()
    bodies = given.bodies.read_bytes().splitlines()
    target = Target(given.url, given.key, bodies, given.seconds, given.requests)
    asked = asyncio.run(generate(target, given.clients, given.rate))
    if given.log:
        lines = (json.dumps(asdict(one)) + "\n" for one in asked)
        given.log.write_text("".join(lines), encoding="utf-8")
    print(json.dumps(summarize(asked)))


if __name__ == "__main__":
    main()
