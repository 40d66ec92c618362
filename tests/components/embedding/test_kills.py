"""A batch that is killed at any moment, again and again, publishes what an undisturbed one does."""

import multiprocessing
import os
import random
import signal
import time

import numpy as np
import pytest

from components.embedding.config import EmbeddingConfig
from components.embedding.encoder_vectors import EncoderVectors
from components.embedding.item_tables import ItemTables
from components.embedding.job import Job, embed_users
from components.encoders.config import EncoderConfig
from components.encoders.sentence_encoder import load_history_encoder
from components.personas.config import PersonaStoreConfig
from components.personas.custody import open_custody
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
    return EncoderVectors(load_history_encoder(config), config)


def open_store(place, custody_folder):
    custody = open_custody(custody_folder, HASH_KEY)
    return PersonaStore.open(place, custody, "tiny", WIDTH, SHARDS)


def run(place, folder, encoder, index=0, num_processes=1):
    tables = ItemTables.find([str(folder / "items.parquet")])
    job = Job(
        tables=tables,
        inputs=tables.identify(),
        task=LAMP_3,
        output=str(folder / f"output-{num_processes}"),
        config=EmbeddingConfig(items_per_batch=4),
        keep_texts=True,
        index=index,
        num_processes=num_processes,
    )
    with open_store(place, folder / "custody") as store:
        return embed_users(store, job, encoder)


def run_and_die(*arguments):
    run(*arguments)
    os._exit(0)


def list_everything(store):
    return {
        (user, item.item_id): (item.vector.tobytes(), item.content_hash, item.text)
        for user, items in scan_all(store).items()
        for item in items
    }


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_fifty_kills_change_nothing(kind, request, tmp_path, encoder):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = make_rows(NUM_USERS, num_items=4)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "items.parquet")
    appended = make_item("said", np.ones(WIDTH), text="said", output="3")
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    if kind == "postgres":
        killed = request.getfixturevalue("new_postgres")
    for place in (undisturbed, killed):
        with open_store(place, tmp_path / "custody") as store:
            store.append("user1", [appended])
    began = time.monotonic()
    assert run(undisturbed, tmp_path, encoder).outcome == "published"
    seconds = time.monotonic() - began

    draw = random.Random(0)
    fork = multiprocessing.get_context("fork")
    num_killed = num_tries = 0
    while num_killed < NUM_KILLS:
        index = num_tries % NUM_PROCESSES
        num_tries += 1
        arguments = (killed, tmp_path, encoder, index, NUM_PROCESSES)
        process = fork.Process(target=run_and_die, args=arguments)
        process.start()
        process.join(draw.uniform(0, seconds / 30))
        if process.exitcode is None:
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            num_killed += 1
        assert num_tries < 4 * NUM_KILLS, "it is over before it can be killed"
    outcomes = [
        run(killed, tmp_path, encoder, index, NUM_PROCESSES).outcome
        for index in range(NUM_PROCESSES)
    ]
    assert outcomes == ["shards_finished", "published"]  # all kills were in mid-run
    with (
        open_store(undisturbed, tmp_path / "custody") as one,
        open_store(killed, tmp_path / "custody") as other,
    ):
        expected = list_everything(one)
        assert list_everything(other) == expected
        assert len(expected) == NUM_USERS * 4 + 1
        tallies = [
            [(tally.shard, tally.stored, tally.checksum) for tally in store.generations.tallies(2)]
            for store in (one, other)
        ]
        assert tallies[0] == tallies[1]
