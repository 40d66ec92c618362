"""Items of the persona store's tests."""

from datetime import datetime

import numpy as np

from components.personas.identifiers import shard_of
from components.personas.ledger import ShardCounts
from components.personas.persona import PersonaItem, hash_text


def make_item(item_id, vector=(0.5, -1.0), day=None, output=None, text=None):
    """Return an item of January 2024, whose text is named after its id."""
    moment = None if day is None else datetime(2024, 1, day)
    content_hash = hash_text(f"text of {item_id}")
    return PersonaItem(item_id, np.array(vector, np.float32), content_hash, moment, output, text)


def scan_all(store):
    """Return every user's items."""
    return dict(user for shard in range(store.num_shards) for user in store.scan(shard))


def write(store, personas, watermarks=None):
    """Write a generation of these users as a batch does; return its number, and who was refused."""
    personas = {user: list(items) for user, items in personas}
    generation = store.generations.begin(watermarks or store.watermarks())
    refused = store.write_base(generation, personas.items())
    finish(store, generation, personas)
    return generation, refused


def finish(store, generation, personas):
    """Finish all shards of a generation that holds these users."""
    for shard in range(store.num_shards):
        expected = [
            (user, [item.item_id for item in items])
            for user, items in personas.items()
            if shard_of(user, store.num_shards) == shard
        ]
        items_in = sum(len(ids) for _, ids in expected)
        counts = ShardCounts(items_in=items_in, carried=0, refused=0, encoded=0, seconds=0)
        store.finish_shard(generation, shard, expected, counts)


def publish(store, personas, watermarks=None):
    """Write and publish a generation; return its number, and who was refused."""
    generation, refused = write(store, personas, watermarks)
    assert store.generations.publish(generation)
    return generation, refused
