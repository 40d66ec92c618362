"""What a persona costs a server, how many requests it answers, and whether its memory grows.

    python -m benchmarks.serving --json

serves a bundle of the quickstart's shapes (or `--model`) from an SQLite store of simulated users by
`python -m components.serving` in a process of its own. Another process asks it over loopback
(`benchmarks.load_generator`). The last line is one JSON object:

- `persona_path_ratio`: store, tokens, input encoder and aggregator over one bare forward of the
  input encoder, median over questions, by the processor's seconds; `_wall` by the clock.
- `persona_share_1_token`, `persona_share_64_tokens`: share of store, input encoder and aggregator
  (the tokens of both prompts counted) in a request of one client; exactly so many are generated.
- `requests_ratio_vs_retrieval`: answers a second over those by the prompt of the arm `retrieval`,
  of the same process asked the same questions in turn (`benchmarks.retrieval_gateway`).
- `batching_speedup_16`: answers a second to 16 clients by batches of up to 16 over one by one.
- `rss_slope_bytes_per_1000`: growth of the gateway's memory over `--requests` requests, least
  squares, after half as many to warm up; malloc told to give back what is freed.
- `errors`: answers of all loads that are neither 200 nor 429, and failed connections.

Ratios are medians over rounds; two sides take turns. Loads, rates and latencies are in `loads`.
"""

import argparse
import json
import logging
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.commit import name_commit
from benchmarks.gateway_process import (
    CHAT,
    GatewayProcess,
    finish_load,
    forget_operators_settings,
    run_gateway,
    sample_rss,
    start_load,
)
from benchmarks.load_generator import Asked, summarize
from benchmarks.memory_slope import find_medians, find_slope
from benchmarks.persona_path import measure_path
from benchmarks.retrieval_gateway import ROUTE
from benchmarks.serving_world import (
    KEY,
    QUICKSTART,
    SETTINGS,
    Shape,
    World,
    make_bundle,
    make_endless,
    make_world,
    write_bodies,
    write_settings,
)
from components.serving.__main__ import leave_a_core
from components.serving.bundle import ServingBundle
from components.serving.gateway.settings import read_settings
from components.serving.registry import fetch_first, open_source

NUM_CLIENTS = 16
WARM_UP_SHARE = 0.2
"""Of the seconds of a load, before it."""
GENERATED = (1, 64)
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "1000000", "MALLOC_TRIM_THRESHOLD_": "1000000"}
"""What is freed goes back to the system, and what stays is held: glibc would keep up to 64 MB at
hand, more or less by chance, which is as much as a slope of 5 MB in 1,000 requests."""
PERSONA_STAGES = ("store", "encode_input", "aggregate")
STAGE_SECONDS, REQUEST_SECONDS = (
    "persona_plug_stage_seconds_sum",
    "persona_plug_request_seconds_sum",
)


@dataclass(frozen=True)
class Scale:
    """How much is measured, and on what."""

    seconds: float
    """Of each load."""
    num_requests: int
    """Over which memory is watched."""
    num_rounds: int = 3
    """How often both sides of a ratio take their turn."""
    num_path_questions: int = 400
    """Whose persona path is timed."""
    shape: Shape = QUICKSTART


class Loads:
    """Asks gateways, and keeps what became of it.

    Args:
        world: Whose questions are asked.
    """

    def __init__(self, world: World) -> None:
        self._folder, self._questions = world.folder, world.questions
        self.figures: dict[str, list[dict[str, Any]]] = {}

    @property
    def errors(self) -> int:
        """How many requests of all loads failed."""
        return sum(figures["errors"] for loads in self.figures.values() for figures in loads)

    def ask(
        self,
        name: str,
        gateway: GatewayProcess,
        options: Sequence[str],
        route: str = CHAT,
        **changes: Any,
    ) -> list[Asked]:
        """Ask a gateway, by a process of its own, and count.

        Args:
            name: Of the load, in the figures.
            gateway: Who is asked.
            options: How much, as the load generator takes it.
            route: What is asked of it.
            **changes: Of each body.
        """
        bodies = write_bodies(self._folder / "bodies.jsonl", self._questions, **changes)
        log = self._folder / "load.jsonl"
        cpu = gateway.read_cpu_seconds()
        asked = finish_load(start_load(gateway.url + route, KEY, bodies, log, options), log)
        cpu_each = (gateway.read_cpu_seconds() - cpu) / len(asked)
        figures = {**summarize(asked), "gateway_cpu_seconds_each": cpu_each}
        self.figures.setdefault(name, []).append(figures)
        return asked

    def rate(self, name: str, gateway: GatewayProcess, seconds: float, route: str = CHAT) -> float:
        """Return the answers a second to 16 clients, after a warm-up."""
        for share, of in ((WARM_UP_SHARE, f"{name}_warm_up"), (1.0, name)):
            options = ["--clients", str(NUM_CLIENTS), "--seconds", str(share * seconds)]
            self.ask(of, gateway, options, route)
        rate: float = self.figures[name][-1]["answered_per_second"]
        return rate


def measure_shares(
    world: World, endless: ServingBundle, loads: Loads, seconds: float
) -> list[float]:
    """Return the persona's share of one client's requests at each number of generated tokens."""
    shares = []
    with run_gateway(world.folder, endless.path, world.folder / SETTINGS) as gateway:
        for num_tokens in GENERATED:
            options, most = ["--clients", "1", "--seconds"], {"max_tokens": num_tokens}
            name = f"tokens_{num_tokens}"
            loads.ask(
                f"{name}_warm_up", gateway, [*options, str(WARM_UP_SHARE * seconds)], CHAT, **most
            )
            before = gateway.read_metrics()
            loads.ask(name, gateway, [*options, str(seconds)], CHAT, **most)
            shares.append(find_share(before, gateway.read_metrics()))
    return shares


def find_share(before: dict[tuple[str, str], float], after: dict[tuple[str, str], float]) -> float:
    """Return the share of a persona's stages in the seconds of requests between two readings."""

    def spent(name: str, label: str) -> float:
        return after[name, label] - before.get((name, label), 0.0)

    persona = sum(spent(STAGE_SECONDS, stage) for stage in PERSONA_STAGES)
    return persona / spent(REQUEST_SECONDS, CHAT)


def compare_with_retrieval(world: World, loads: Loads, seconds: float, num_rounds: int) -> float:
    """Return how many times as many requests are answered as by the retrieval prompt."""
    module, ratios = "benchmarks.retrieval_gateway", []
    with run_gateway(world.folder, world.bundle.path, world.folder / SETTINGS, module) as gateway:
        for _ in tqdm(range(num_rounds), desc="persona and retrieval", unit=" rounds"):
            persona = loads.rate("persona", gateway, seconds)
            ratios.append(persona / loads.rate("retrieval", gateway, seconds, ROUTE))
    return median(ratios)


def compare_batches(world: World, loads: Loads, seconds: float, num_rounds: int) -> float:
    """Return how many times as many requests are answered by batches as one by one."""
    place, bundle, ratios = (
        read_settings(world.folder / SETTINGS).store.place,
        world.bundle.path,
        [],
    )
    settings = [
        write_settings(world.folder, place, {"engine": {"max_batch_size": size}}, f"by-{size}.yaml")
        for size in (1, NUM_CLIENTS)
    ]
    with (
        run_gateway(world.folder, bundle, settings[0]) as single,
        run_gateway(world.folder, bundle, settings[1]) as batched,
    ):
        for _ in tqdm(range(num_rounds), desc="one by one and batched", unit=" rounds"):
            slow = loads.rate("batches_of_1", single, seconds)
            ratios.append(loads.rate(f"batches_of_{NUM_CLIENTS}", batched, seconds) / slow)
    return median(ratios)


def measure_memory(world: World, loads: Loads, num_requests: int) -> dict[str, Any]:
    """Return how a gateway's memory grows over so many requests, after half as many.

    Until then caches fill that are bounded: pages of SQLite of each connection, newest answers.
    """
    options = ["--clients", str(NUM_CLIENTS), "--seconds", "1e6", "--requests"]
    settings = world.folder / SETTINGS
    with run_gateway(world.folder, world.bundle.path, settings, **MALLOC) as gateway:
        loads.ask("memory_warm_up", gateway, [*options, str(num_requests // 2)])
        with sample_rss(gateway) as samples:
            asked = loads.ask("memory", gateway, [*options, str(num_requests)])
    ended = [one.ended for one in asked]
    return {
        "rss_slope_bytes_per_1000": find_slope(samples, ended),
        "rss_bytes_by_tenth": find_medians(samples),
        "rss_requests": num_requests,
    }


def make_model(place: str | None, scale: Scale, folder: Path) -> ServingBundle:
    """Return the bundle that is measured, a made one if none is named."""
    if place is None:
        return make_bundle(scale.shape, folder / "made", "1", seed=0)
    return fetch_first(open_source(place, folder / "fetched"), place)[1]


def measure_all(model: str | None, scale: Scale, folder: Path) -> dict[str, Any]:
    """Measure everything.

    Args:
        model: What is served; None for a made one.
        scale: How much is measured.
        folder: Existing and empty.
    """
    bundle = make_model(model, scale, folder)
    (folder / "world").mkdir()
    world = make_world(bundle, folder / "world", scale.shape.users, "personas", {})
    endless = make_endless(bundle, folder / "endless", max(GENERATED))
    loads, seconds, num_rounds = Loads(world), scale.seconds, scale.num_rounds
    path = measure_path(world, read_settings(world.folder / SETTINGS), scale.num_path_questions)
    shares = measure_shares(world, endless, loads, seconds)
    return {
        **path,
        "persona_share_1_token": shares[0],
        "persona_share_64_tokens": shares[1],
        "requests_ratio_vs_retrieval": compare_with_retrieval(world, loads, seconds, num_rounds),
        "batching_speedup_16": compare_batches(world, loads, seconds, num_rounds),
        **measure_memory(world, loads, scale.num_requests),
        "errors": loads.errors,
        "loads": loads.figures,
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--model", help="models:/NAME@ALIAS or a bundle's folder; made if not given"
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="of each load")
    parser.add_argument("--requests", type=int, default=10_000, help="while memory is watched")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    forget_operators_settings()
    leave_a_core()  # as the gateways do
    with tempfile.TemporaryDirectory() as temporary:
        scale = Scale(seconds=given.seconds, num_requests=given.requests)
        result = measure_all(given.model, scale, Path(temporary))
    result |= {
        "model": given.model or "made",
        "commit": name_commit(),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
    }
    print(json.dumps(result) if given.json else json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
