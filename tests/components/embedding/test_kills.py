"""A batch that is killed at any moment, again and again, publishes what an undisturbed one does.

Each round fills a new store: two processes are killed at random moments, in turns, until they have
published; rounds go on until there were fifty kills. Others are killed at chosen moments.
"""

import multiprocessing
import os
import random
import signal
import time
from itertools import count

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from components.embedding.config import EmbeddingConfig
from components.embedding.encoder_vectors import EncoderVectors
from components.embedding.item_tables import ItemTables
from components.embedding.job import Job, embed_users
from components.encoders.config import EncoderConfig
from components.personas.config import PersonaStoreConfig
from components.personas.custody import open_custody
from components.personas.generations import Generations
from components.personas.store import PersonaStore
from components.tasks.lamp import LAMP_3
from tests.components.embedding.conftest import make_rows
from tests.components.personas.items import make_item, scan_all
from tests.components.tiny_models import WIDTH, write_sentence_encoder

NUM_KILLS = 50
NUM_USERS = 120
NUM_PROCESSES = 2
HASH_KEY = b"of the tests"
SHARDS = PersonaStoreConfig(num_shards=4)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    folder = write_sentence_encoder(tmp_path_factory.mktemp("encoder") / "tiny")
    config = EncoderConfig(name=str(folder), max_length=32)
    return EncoderVectors(config, LAMP_3.item_template)


def open_store(place, custody_folder):
    custody = open_custody(custody_folder, HASH_KEY)
    return PersonaStore.open(place, custody, "tiny", WIDTH, SHARDS)


def run(place, folder, encoder, index=0, num_processes=1, name="tuesday"):
    tables = ItemTables.find([str(folder / "items.parquet")])
    job = Job(
        tables=tables,
        inputs=tables.identify(),
        task=LAMP_3,
        output=str(folder / "output"),
        config=EmbeddingConfig(items_per_batch=16),
        keep_texts=True,
        name=name,
        index=index,
        num_processes=num_processes,
    )
    with open_store(place, folder / "custody") as store:
        return embed_users(store, job, encoder)


def run_and_die(*arguments):
    torch.set_num_threads(1)  # the parent's other threads don't come along
    run(*arguments)
    os._exit(0)


def start(*arguments):
    process = multiprocessing.get_context("fork").Process(target=run_and_die, args=arguments)
    process.start()
    return process


def list_everything(place, folder):
    with open_store(place, folder / "custody") as store:
        rows = {
            (user, item.item_id): (item.vector.tobytes(), item.content_hash, item.text)
            for user, items in scan_all(store).items()
            for item in items
        }
        tallies = store.generations.tallies(store.generations.current())
        return rows, [(tally.shard, tally.stored, tally.checksum) for tally in tallies]


def write_items(folder, num_users):
    rows = make_rows(num_users, num_items=4)
    pq.write_table(pa.Table.from_pylist(rows), folder / "items.parquet")


@pytest.fixture
def folder(tmp_path):
    """Where the items lie, and custody, of all stores of a test."""
    write_items(tmp_path, NUM_USERS)
    return tmp_path


@pytest.fixture
def new_place(folder, kind, request):
    """Make another store, to which serving has appended an item."""
    numbers = count()

    def make():
        place = folder / f"store-{next(numbers)}"
        if kind == "postgres":
            place = request.getfixturevalue("make_postgres")()
        with open_store(place, folder / "custody") as store:
            item = make_item("said", np.ones(WIDTH), text="said", output="3")
            store.append("user1", [item])
        return place

    return make


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_fifty_kills_change_nothing(new_place, folder, encoder):
    undisturbed = new_place()
    began = time.monotonic()
    assert run(undisturbed, folder, encoder).outcome == "published"
    seconds = time.monotonic() - began
    expected = list_everything(undisturbed, folder)
    assert len(expected[0]) == NUM_USERS * 4 + 1

    draw = random.Random(0)
    num_killed, finished_before = 0, []
    while num_killed < NUM_KILLS:
        place = new_place()
        for number in range(10 * NUM_KILLS):
            process = start(place, folder, encoder, number % NUM_PROCESSES, NUM_PROCESSES)
            process.join(draw.uniform(0, 0.6 * seconds))
            if process.exitcode is None:
                os.kill(process.pid, signal.SIGKILL)
                num_killed += 1
            process.join()
            assert process.exitcode in (0, -signal.SIGKILL)
            with open_store(place, folder / "custody") as store:
                if store.generations.current() > 1:
                    break
                finished_before.append(len(store.generations.tallies(2)))
        assert run(place, folder, encoder, 0, NUM_PROCESSES).outcome == "already_served"
        assert list_everything(place, folder) == expected
    assert len(set(finished_before)) > 2  # between the first shard and the last one, too


MOMENTS = [
    (PersonaStore, "write_base", 3, "after"),
    (PersonaStore, "finish_shard", 1, "before"),
    (PersonaStore, "finish_shard", 4, "after"),
    (Generations, "publish", 1, "before"),
    (Generations, "prune", 1, "before"),
    (Generations, "prune", 1, "after"),
]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize(("owner", "name", "call", "when"), MOMENTS)
def test_a_kill_at_a_chosen_moment_changes_nothing(
    new_place, folder, encoder, owner, name, call, when, monkeypatch
):
    undisturbed, place = new_place(), new_place()
    write_items(folder, num_users=30)
    for store in (undisturbed, place):
        run(store, folder, encoder)
    write_items(folder, num_users=31)  # a second generation, which has a first to prune
    run(undisturbed, folder, encoder, name="wednesday")
    whole, calls = getattr(owner, name), count(1)

    def die(*arguments, **named):
        is_time = next(calls) == call
        if is_time and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        found = whole(*arguments, **named)
        if is_time:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, die)
        process = start(place, folder, encoder, 0, 1, "wednesday")
        process.join(timeout=60)
    assert process.exitcode == -signal.SIGKILL
    run(place, folder, encoder, name="wednesday")
    assert list_everything(place, folder) == list_everything(undisturbed, folder)
    with open_store(place, folder / "custody") as store:
        assert store.generations.current() == 3
