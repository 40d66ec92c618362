"""Items of the persona store's tests."""

from datetime import datetime

import numpy as np

from components.personas.persona import PersonaItem, hash_text


def make_item(item_id, vector=(0.5, -1.0), day=None, output=None, text=None):
    """Return an item of January 2024, whose text is named after its id."""
    moment = None if day is None else datetime(2024, 1, day)
    content_hash = hash_text(f"text of {item_id}")
    return PersonaItem(item_id, np.array(vector, np.float32), content_hash, moment, output, text)


def scan_all(store):
    """Return every user's items."""
    return dict(user for shard in range(store.num_shards) for user in store.scan(shard))


def publish(store, users):
    """Let a new generation of whole histories be served."""
    generation, watermarks = store.generations.begin(), store.watermarks()
    store.write_base(generation, users)
    store.generations.publish(generation, watermarks)
