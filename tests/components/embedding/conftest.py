"""A persona store on each kind of database, and item tables to fill it from."""

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.embedding.config import EmbeddingConfig
from components.embedding.item_tables import ItemTables
from components.embedding.job import Job, embed_users
from components.tasks.lamp import LAMP_3
from tests.components.personas.conftest import (  # noqa: F401
    custody,
    make_postgres,
    new_postgres,
    open_store,
    place,
    postgres,
    store,
)


def make_row(user, item, review="fine", score="4", time=1_700_000_000):
    return {"user_id": user, "item_id": item, "input": review, "output": score, "time": time}


def make_rows(num_users, num_items=3):
    return [
        make_row(f"user{user}", f"item{item}", f"review {item} of {user}", str(1 + item % 5), item)
        for user in range(num_users)
        for item in range(num_items)
    ]


def hash_vectors(items):
    """Two numbers that tell one text from another."""
    digests = [hashlib.sha256(item.text.encode()).digest()[:4] for item in items]
    return np.array([np.frombuffer(one, np.uint16) for one in digests], np.float32) / 65536


class Encoder:
    """Counts what it is asked to encode."""

    def __init__(self):
        self.texts = []

    def __call__(self, items):
        self.texts += [item.text for item in items]
        return hash_vectors(items)


@pytest.fixture
def encoder():
    return Encoder()


@pytest.fixture
def fill(store, encoder, tmp_path):  # noqa: F811
    """Run the job on these rows."""

    def fill_(rows, vectorize=None, into=None, **given):
        path = tmp_path / "items.parquet"
        pq.write_table(pa.Table.from_pylist(rows), path)
        tables = ItemTables.find([str(path)])
        fields = {
            "tables": tables,
            "inputs": hashlib.sha256(repr(rows).encode()).hexdigest(),
            "task": LAMP_3,
            "output": str(tmp_path / "output"),
            "config": EmbeddingConfig(items_per_batch=4, max_refused_share=0.5),
            "keep_texts": True,
        }
        job = Job(**{**fields, **given})
        encoder.texts.clear()
        return embed_users(into or store, job, vectorize or encoder)

    return fill_
