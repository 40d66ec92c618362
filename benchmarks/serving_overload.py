"""A gateway that is asked for more than it can answer, while everything around it changes.

    python -m benchmarks.serving_overload --minutes 10 --json

starts `python -m components.serving` over a PostgreSQL store, finds the rate that it holds (clients
in turn), and asks 1.5 times as much for so many minutes, whether or not it answers. Meanwhile
PostgreSQL is killed and started again, and another bundle takes the champion's place. At last the
gateway gets SIGTERM while requests are open. The last line is one JSON object: `errors` counts what
was begun before SIGTERM and is neither answered (200) nor told to come again (429), broken
connections included; `phases` has the counts by what was going on as a request was begun, with the
versions that answered and how much of a persona they had; `drain` says what became of requests that
were open at SIGTERM, and of those that came later. Status 1 if a figure is not as it must be.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.commit import name_commit
from benchmarks.gateway_process import (
    CHAT,
    GatewayProcess,
    finish_load,
    forget_operators_settings,
    run_gateway,
    start_load,
)
from benchmarks.load_generator import Asked, count_errors, summarize
from benchmarks.postgres_server import PostgresServer, find_binaries, open_postgres
from benchmarks.serving_world import (
    KEY,
    QUICKSTART,
    SETTINGS,
    Shape,
    World,
    make_bundle,
    make_world,
    write_bodies,
)
from components.serving.bundle import ServingBundle
from components.serving.engines.config import EngineConfig

NUM_CLIENTS = 64
"""Who find the rate: four batches' worth, so that the model never waits for them."""
OVERLOAD = 1.5
AFTER_SECONDS = 3.0
"""How long requests are begun after SIGTERM."""
DOWN_FROM, DOWN_TO, SWAP_AT = 0.2, 0.3, 0.4
"""Shares of the time: the store is down, then another champion appears."""


@dataclass(frozen=True)
class Scale:
    """How much is asked, and of what."""

    seconds: float
    """Under load, before SIGTERM."""
    hold_seconds: float = 20.0
    """In which the rate is found that the gateway holds."""
    shape: Shape = QUICKSTART
    engine: EngineConfig = EngineConfig()  # noqa: RUF009  frozen
    """The gateway's."""


@dataclass(frozen=True)
class Marks:
    """When what happened, in seconds of the monotonic clock."""

    killed: float
    restarted: float
    swapped: float
    """When the other bundle appeared; it is loaded and asked before it serves."""
    terminated: float

    def phase(self, asked: Asked) -> str:
        """Name what was going on as a request was begun."""
        later = [
            ("calm", self.killed),
            ("store_down", self.restarted),
            ("store_back", self.swapped),
            ("champion_swapped", self.terminated),
        ]
        return next((name for name, ends in later if asked.began < ends), "terminated")


class Champion:
    """The folder that a gateway follows: a link, so that another bundle takes its place at once.

    Args:
        link: The folder.
        bundle: Where it points at first.
    """

    def __init__(self, link: Path, bundle: ServingBundle) -> None:
        self.path = link
        link.symlink_to(bundle.path)

    def replace(self, bundle: ServingBundle) -> None:
        """Put another bundle in its place."""
        new = self.path.with_suffix(".new")
        new.symlink_to(bundle.path)
        new.replace(self.path)


def sleep_until(moment: float, doing: str) -> None:
    """Wait for a moment of the monotonic clock."""
    with tqdm(desc=doing, unit=" s", bar_format="{desc}: {n_fmt}{unit}") as bar:
        while (left := moment - time.monotonic()) > 0:
            time.sleep(min(1.0, left))
            bar.update(1)


def drive(
    world: World, scale: Scale, postgres: PostgresServer, champion: Champion, other: ServingBundle
) -> tuple[dict[str, Any], Marks, list[Asked]]:
    """Run the whole course; returns what the gateway holds, when what happened, all requests."""
    bodies = write_bodies(world.folder / "bodies.jsonl", world.questions)
    log = world.folder / "load.jsonl"
    with run_gateway(world.folder, champion.path, world.folder / SETTINGS) as gateway:
        hold = ["--clients", str(NUM_CLIENTS), "--seconds"]
        for seconds in (scale.hold_seconds / 5, scale.hold_seconds):  # the first warms it up
            options = [*hold, str(seconds)]
            asked = finish_load(start_load(gateway.url + CHAT, KEY, bodies, log, options), log)
        held = summarize(asked)
        rate = OVERLOAD * held["answered_per_second"]
        seconds = scale.seconds + AFTER_SECONDS
        options = ["--rate", str(rate), "--seconds", str(seconds)]
        load = start_load(gateway.url + CHAT, KEY, bodies, log, options)
        marks = disturb(gateway, scale.seconds, postgres, champion, other)
        asked = finish_load(load, log)
        gateway.process.wait()
        text = gateway.log.read_text("utf-8")
    held["log"] = {
        "swapped": f"version {other.card().model_version} serves" in text,
        "shut_down": "Application shutdown complete" in text,
        "server_errors": text.count(" 500 "),
    }
    return held, marks, asked


def disturb(
    gateway: GatewayProcess,
    seconds: float,
    postgres: PostgresServer,
    champion: Champion,
    other: ServingBundle,
) -> Marks:
    """Kill and restart the store, replace the champion, end the gateway."""
    began = time.monotonic()
    sleep_until(began + DOWN_FROM * seconds, "all is well")
    killed = time.monotonic()
    postgres.kill()
    sleep_until(began + DOWN_TO * seconds, "the store is down")
    postgres.start()
    restarted = time.monotonic()
    sleep_until(began + SWAP_AT * seconds, "the store is back")
    champion.replace(other)
    swapped = time.monotonic()
    sleep_until(began + seconds, "another champion")
    terminated = time.monotonic()
    gateway.terminate()
    return Marks(killed, restarted, swapped, terminated)


def count_phases(asked: Sequence[Asked], marks: Marks) -> dict[str, dict[str, Any]]:
    """Count requests by what was going on as they were begun."""
    phases: dict[str, list[Asked]] = {}
    for one in asked:
        phases.setdefault(marks.phase(one), []).append(one)
    return {
        phase: {
            **summarize(of_phase),
            "versions": dict(Counter(one.version for one in of_phase if one.version)),
            "personas": dict(Counter(one.persona for one in of_phase if one.persona)),
        }
        for phase, of_phase in phases.items()
    }


def count_drain(asked: Sequence[Asked], marks: Marks) -> dict[str, Any]:
    """Say what became of requests that were open at SIGTERM, and of later ones."""
    open_ = [one for one in asked if one.began < marks.terminated <= one.ended]
    later = [one for one in asked if one.began >= marks.terminated]
    return {
        "open_at_sigterm": len(open_),
        "without_an_answer": count_errors(open_),
        "last_answer_after_seconds": max((one.ended for one in open_), default=0.0)
        - marks.terminated,
        "later": dict(Counter(one.code or str(one.status) for one in later)),
    }


def overload(scale: Scale, folder: Path, binaries: Path) -> dict[str, Any]:
    """Make two bundles and a store, and run the whole course.

    Args:
        scale: How much.
        folder: Existing and empty.
        binaries: PostgreSQL's.
    """
    first, other = (
        make_bundle(scale.shape, folder / f"bundle-{seed}", str(seed + 1), seed)
        for seed in range(2)
    )
    (folder / "world").mkdir()
    with open_postgres(binaries) as postgres:
        settings = {"engine": scale.engine.model_dump()}
        world = make_world(first, folder / "world", scale.shape.users, postgres.address, settings)
        champion = Champion(folder / "champion", first)
        held, marks, asked = drive(world, scale, postgres, champion, other)
    before = [one for one in asked if one.began < marks.terminated]
    log = held.pop("log")
    return {
        "errors": count_errors(before),
        "held": held,
        "overload": summarize(before),
        "phases": count_phases(asked, marks),
        "drain": count_drain(asked, marks),
        "log": log,
    }


def find_faults(result: dict[str, Any]) -> list[str]:
    """Say what is not as it must be."""
    phases, log = result["phases"], result["log"]
    must = {
        "a request failed": result["errors"] == 0,
        "a request that was open at SIGTERM got no answer": not result["drain"][
            "without_an_answer"
        ],
        "the gateway was never too busy": "429" in result["overload"]["statuses"],
        "personas did not come back with the store": "full" in phases["store_back"]["personas"],
        "the store was not down": "none" in phases["store_down"]["personas"],
        "the other champion never answered": "2" in phases["champion_swapped"]["versions"],
        "the log tells of a failure": log["swapped"]
        and log["shut_down"]
        and not log["server_errors"],
    }
    return [fault for fault, is_fine in must.items() if not is_fine]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="under load, before SIGTERM")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    given = parser.parse_args()
    binaries = find_binaries()
    if binaries is None:
        sys.exit("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    forget_operators_settings()
    with tempfile.TemporaryDirectory() as temporary:
        result = overload(Scale(seconds=60 * given.minutes), Path(temporary), binaries)
    faults = find_faults(result)
    result |= {"faults": faults, "commit": name_commit(), "load_average": os.getloadavg()[0]}
    print(json.dumps(result) if given.json else json.dumps(result, indent=1))
    if faults:
        sys.exit(1)


if __name__ == "__main__":
    main()
