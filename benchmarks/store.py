"""How fast the persona store is, and how large, on SQLite and on PostgreSQL.

    python -m benchmarks.store --users 1000000 --json

fills stores with invented users (20 items on average, lognormal) and measures single reads, appends
and erasures by one client, and reads by eight processes. A bare read is the driver's own SELECT of
the same rows, without key, decryption or assembly, on a connection of the same settings; both kinds
of reads alternate, on different random users. `growth` holds the same figures for smaller stores.
PostgreSQL is a server of its own on this machine, whose commits wait for the disk; at most 100,000
users are put there. A million users take about 25 GB below `--folder`.
"""

import argparse
import json
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import make_url
from tqdm import tqdm

from benchmarks.postgres_server import find_binaries, run_postgres
from components.personas.config import PersonaStoreConfig
from components.personas.custody import open_custody
from components.personas.identifiers import shard_of
from components.personas.ledger import ShardCounts
from components.personas.persona import PersonaItem, hash_text
from components.personas.store import PersonaStore

DIM, FINGERPRINT, HASH_KEY = 384, "benchmark", b"benchmark"
MEAN_ITEMS, MAX_ITEMS = 20, 512
NUM_SHARDS = 64
NUM_READS, NUM_APPENDS, NUM_ERASURES, NUM_CLIENTS = 4000, 1000, 5, 8
USERS_PER_BATCH = 2000
MAX_POSTGRES_USERS = 100_000
START = datetime(2024, 1, 1)
TEXT_HASH = hash_text("text")
VECTORS = np.random.default_rng(0).standard_normal((4096, DIM)).astype(np.float16)

BARE = (
    "SELECT item_hash, generation, sequence, persona FROM items WHERE shard = {0} "
    "AND user_hash = {0} AND namespace_id = {0} AND generation = {0}"
)
Place = str | Path
RowKey = tuple[int, bytes, int, int]


def name_user(user: int) -> str:
    """Return a user's id."""
    return f"user-{user:08d}"


def invent_items(user_id: str) -> list[PersonaItem]:
    """Return a user's items, always the same ones."""
    random = np.random.default_rng(int(user_id[-8:]))
    spread = 1.0  # of the logarithm: a median of 12 items
    drawn = random.lognormal(np.log(MEAN_ITEMS) - spread**2 / 2, spread)
    first = int(random.integers(len(VECTORS)))
    return [
        PersonaItem(
            f"item-{number:06d}",
            VECTORS[(first + number) % len(VECTORS)],
            TEXT_HASH,
            START + timedelta(hours=number),
            "4",
        )
        for number in range(min(max(round(drawn), 1), MAX_ITEMS))
    ]


@contextmanager
def open_store(place: Place, custody: Path, *, create: bool = False) -> Iterator[PersonaStore]:
    """Open the measured store; closed again, it and its keys have no logs."""
    config = PersonaStoreConfig(num_shards=NUM_SHARDS)
    given = open_custody(custody, HASH_KEY)
    with (
        closing(given),
        PersonaStore.open(place, given, FINGERPRINT, DIM, config, create=create) as store,
    ):
        yield store


def fill(store: PersonaStore, num_users: int) -> float:
    """Write all users into one generation and publish it; returns the seconds."""
    began = time.perf_counter()
    generation = store.generations.begin(store.watermarks())
    by_shard: list[list[str]] = [[] for _ in range(store.num_shards)]
    for user in store.order_users(name_user(user) for user in range(num_users)):
        by_shard[shard_of(user, store.num_shards)].append(user)
    with tqdm(total=num_users, desc="filling", unit=" users") as bar:
        for shard, users in enumerate(by_shard):
            written: list[tuple[str, list[str]]] = []
            waiting = iter(users)
            while batch := list(islice(waiting, USERS_PER_BATCH)):
                personas = [(user, invent_items(user)) for user in batch]
                store.write_base(generation, personas)
                written += [(user, [item.item_id for item in items]) for user, items in personas]
                bar.update(len(batch))
            items_in = sum(len(items) for _, items in written)
            counts = ShardCounts(items_in=items_in, carried=0, refused=0, encoded=0, seconds=0)
            store.finish_shard(generation, shard, written, counts)
    store.generations.publish(generation)
    return time.perf_counter() - began


@contextmanager
def open_bare(place: Place, store: PersonaStore) -> Iterator[Callable[[RowKey], list[Any]]]:
    """Give a function that has the driver select a user's rows of the base, and no more."""
    with ExitStack() as stack:
        if isinstance(place, Path):
            files = [place / f"shard-{shard:04}.sqlite" for shard in range(store.num_shards)]
            opened = [stack.enter_context(closing(sqlite3.connect(file))) for file in files]
            text = BARE.format("?")
            yield lambda key: opened[key[0]].execute(text, key).fetchall()
        else:
            import psycopg

            address = make_url(place).set(drivername="postgresql").render_as_string(False)
            connection = stack.enter_context(psycopg.connect(address, autocommit=True))
            text = BARE.format("%s")
            yield lambda key: connection.execute(text, key, prepare=True).fetchall()


def list_row_keys(store: PersonaStore, users: list[str]) -> list[RowKey]:
    """Return what the rows of some users are found by."""
    space, generation = store._namespace, store.generations.current()
    return [
        (space.shard_of(user), space.hashes.user(user), space.namespace_id, generation)
        for user in users
    ]


def take_milliseconds(calls: Iterable[Callable[[], Any]]) -> list[float]:
    """Return what each call took."""
    taken = []
    for call in calls:
        began = time.perf_counter()
        call()
        taken.append((time.perf_counter() - began) * 1e3)
    return taken


def draw_users(num_users: int, num_drawn: int, seed: int) -> list[str]:
    """Return users at random."""
    drawn = np.random.default_rng(seed).integers(num_users, size=num_drawn)
    return [name_user(user) for user in drawn.tolist()]


def quantiles(name: str, taken: list[float]) -> dict[str, float]:
    """Return the median and the 99th percentile of some durations."""
    median, high = np.quantile(taken, [0.5, 0.99])
    return {f"{name}_p50_ms": float(median), f"{name}_p99_ms": float(high)}


def measure_reads(place: Place, store: PersonaStore, num_users: int) -> dict[str, float]:
    """Read users by the store and barely, in turn."""
    gets: list[float] = []
    bare: list[float] = []
    users = draw_users(num_users, NUM_READS, 1)
    keys = list_row_keys(store, draw_users(num_users, NUM_READS, 2))
    with open_bare(place, store) as read_bare:
        for user, key in zip(users, keys, strict=True):
            gets += take_milliseconds([partial(store.get, user)])
            bare += take_milliseconds([partial(read_bare, key)])
    figures = {**quantiles("get", gets), **quantiles("bare", bare)}
    figures["get_ratio_vs_bare_read"] = figures["get_p50_ms"] / figures["bare_p50_ms"]
    return figures


def measure_writes(store: PersonaStore, num_users: int) -> dict[str, float]:
    """Append items to users at random, then erase a few."""
    item = invent_items(name_user(0))[0]
    appends = take_milliseconds(
        partial(
            store.append, user, [PersonaItem(f"new-{number}", item.vector, TEXT_HASH, START, "4")]
        )
        for number, user in enumerate(draw_users(num_users, NUM_APPENDS, 3))
    )
    erased = sorted(set(draw_users(num_users, NUM_ERASURES, 4)))
    erasures = take_milliseconds(partial(store.forget, user) for user in erased)
    return {**quantiles("append", appends), "forget_p50_ms": float(np.median(erasures))}


def read_as_client(
    start: threading.Barrier, place: Place, custody: Path, num_users: int, seed: int
) -> list[float]:
    """Be one of several clients, who start together: return what each of some reads took."""
    users = draw_users(num_users, NUM_READS // NUM_CLIENTS, seed)
    with open_store(place, custody) as store:
        store.get(name_user(0))
        start.wait()
        return take_milliseconds(partial(store.get, user) for user in users)


def measure_clients(place: Place, custody: Path, num_users: int) -> dict[str, float]:
    """Read from several processes at once."""
    spawn = get_context("spawn")
    with spawn.Manager() as manager, ProcessPoolExecutor(NUM_CLIENTS, spawn) as pool:
        start = manager.Barrier(NUM_CLIENTS)
        clients = [
            pool.submit(read_as_client, start, place, custody, num_users, 10 + client)
            for client in range(NUM_CLIENTS)
        ]
        by_client = [client.result() for client in clients]
    rate = sum(len(taken) / sum(taken) * 1e3 for taken in by_client)
    return {
        **quantiles("clients8_get", [one for taken in by_client for one in taken]),
        "clients8_gets_per_second": rate,
    }


def measure(place: Place, custody: Path, num_users: int) -> dict[str, float]:
    """Fill a store and measure it."""
    with open_store(place, custody, create=True) as store:
        seconds = fill(store, num_users)
    with open_store(place, custody) as store:
        size_bytes, items = store.stat().size_bytes, store.stat().items
        figures = {
            **measure_reads(place, store, num_users),
            **measure_clients(place, custody, num_users),
            **measure_writes(store, num_users),
        }
    key_bytes = sum(file.stat().st_size for file in (custody / "keys").iterdir())
    return {
        "users": num_users,
        "items_per_user": items / num_users,
        **figures,
        "bytes_per_user": size_bytes / num_users,
        "key_bytes_per_user": key_bytes / num_users,
        "fill_seconds": seconds,
    }


def measure_sqlite(num_users: int, folder: Path | None) -> dict[str, float]:
    """Measure a store of SQLite files, which are removed afterwards."""
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        return measure(Path(temporary) / "store", Path(temporary) / "custody", num_users)


def measure_postgres(num_users: int, folder: Path | None) -> dict[str, float] | None:
    """Measure a store on a PostgreSQL server of its own, None where none is installed."""
    binaries = find_binaries()
    if binaries is None:
        return None
    with (
        tempfile.TemporaryDirectory(dir=folder) as temporary,
        run_postgres(binaries, is_safe=True) as address,
    ):
        return measure(address, Path(temporary) / "custody", num_users)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--users", type=int, default=1_000_000, help="in the largest SQLite store")
    parser.add_argument("--folder", type=Path, help="where the SQLite stores are made for a while")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    arguments = parser.parse_args()
    sizes = [size for size in (10_000, 100_000) if size < arguments.users]
    growth = {size: measure_sqlite(size, arguments.folder) for size in sizes}
    print("smaller", json.dumps(growth), flush=True)
    postgres = measure_postgres(min(arguments.users, MAX_POSTGRES_USERS), arguments.folder)
    print("postgres", json.dumps(postgres), flush=True)
    sqlite = measure_sqlite(arguments.users, arguments.folder)
    print("sqlite", json.dumps(sqlite))
    if arguments.json:
        print(json.dumps({"sqlite": sqlite, "postgres": postgres, "growth": growth}))


if __name__ == "__main__":
    main()
