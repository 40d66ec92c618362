"""One shard of a batch: what changed is encoded, and everything is written to a generation."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from components.embedding.checked_items import SourceItem, cut_batches, list_users
from components.embedding.config import EmbeddingConfig
from components.embedding.progress import Progress
from components.personas.ledger import ShardCounts, ShardTally
from components.personas.persona import PersonaItem, hash_text
from components.personas.store import PersonaStore

Vectorize = Callable[[Sequence[SourceItem]], NDArray[Any]]
"""Takes items [n], returns their behavior vectors, floating point [n, E]."""

SourceUser = tuple[str, list[SourceItem]]

CARRIED_PER_BATCH = 256
"""Users whom only serving knows, written at once."""


@dataclass(frozen=True)
class Batch:
    """A job's work on one generation of a store.

    Attributes:
        store: Where to write.
        generation: That is being built.
        watermarks: Of each shard: the last appended row that the generation takes in.
        vectorize: Makes the vectors of items that changed.
        config: How much at once.
        keep_texts: Whether items keep their input texts.
        is_complete: Whether what the tables lack is left out, unless serving appended it.
        progress: Is told how far it is.
    """

    store: PersonaStore
    generation: int
    watermarks: Sequence[int]
    vectorize: Vectorize
    config: EmbeddingConfig
    keep_texts: bool
    is_complete: bool
    progress: Progress


def embed_shard(batch: Batch, shard: int, table: pa.Table, num_refused: int) -> ShardTally:
    """Write a shard's users to the generation, and finish it.

    What a killed process wrote is passed over: the batches are the same again, and each was written
    whole or not at all.

    Args:
        batch: The job.
        shard: Which.
        table: The shard's items, of `components.embedding.checked_items.CheckedItems`.
        num_refused: Items of the shard that are not in it.

    Returns:
        What became of every item.
    """
    began = time.monotonic()
    users = batch.store.order_users(table["user_id"].unique().to_pylist())
    parts = cut_batches(list_users(table, users), batch.config.items_per_batch)
    written = []
    for part in chain(parts, _list_others(batch, shard, users)):
        written.append(_write_part(batch, shard, part))
        num_items = sum(len(items) for _, items in part)
        batch.progress.advance(num_items, written[-1].num_encoded)
    counts = ShardCounts(
        items_in=len(table) + num_refused,
        carried=sum(part.num_carried for part in written),
        refused=num_refused,
        encoded=sum(part.num_encoded for part in written),
        seconds=time.monotonic() - began,
    )
    expected = [user for part in written for user in part.expected]
    refused = {user for part in written for user in part.refused}
    return batch.store.finish_shard(batch.generation, shard, expected, counts, refused)


@dataclass(frozen=True)
class WrittenPart:
    """Some users of a shard, after they were written."""

    expected: list[tuple[str, list[str]]]
    """Users' ids, each with the ids of all items."""
    refused: set[str]
    """Users who were erased."""
    num_carried: int
    num_encoded: int


def _write_part(batch: Batch, shard: int, part: Sequence[SourceUser]) -> WrittenPart:
    """Write some users, unless a process that was killed has done so."""
    store, names = batch.store, [user for user, _ in part]
    keys = store.hold_keys(names)  # before anything of theirs is read
    stored = _read_stored(batch, shard, names)
    carried = {user: _carry(batch, items, stored[user]) for user, items in part}
    expected = [
        (user, [item.item_id for item in items] + [item.item_id for item in carried[user]])
        for user, items in part
    ]
    refused = set(names) - keys.keys()
    held = [user for user in expected if user[0] in keys]
    num_encoded = 0
    if len(store.find_written(batch.generation, shard, held)) < len(held):
        kept = [(user, items) for user, items in part if user in keys]
        personas, num_encoded = _make_personas(batch, kept, stored, carried)
        refused |= store.write_base(batch.generation, personas.items(), keys)
    return WrittenPart(expected, refused, sum(map(len, carried.values())), num_encoded)


def _read_stored(
    batch: Batch, shard: int, users: Sequence[str]
) -> dict[str, dict[str, PersonaItem]]:
    """Return what the store has of each user, by item id."""
    up_to = batch.watermarks[shard]
    return {
        user: {item.item_id: item for item in batch.store.get_items(user, up_to)} for user in users
    }


def _carry(
    batch: Batch, items: Sequence[SourceItem], stored: Mapping[str, PersonaItem]
) -> list[PersonaItem]:
    """Return what the tables don't have and the batch keeps."""
    given = {item.item_id for item in items}
    kept = (item for item in stored.values() if item.is_appended or not batch.is_complete)
    return [item for item in kept if item.item_id not in given]


def _make_personas(
    batch: Batch,
    users: Sequence[SourceUser],
    stored: dict[str, dict[str, PersonaItem]],
    carried: dict[str, list[PersonaItem]],
) -> tuple[dict[str, list[PersonaItem]], int]:
    """Encode what changed; return users' whole histories, and how many items were encoded."""
    given = [(user, item) for user, items in users for item in items]
    hashes = [hash_text(item.text) for _, item in given]
    known = [
        _find_known(stored[user], item, content)
        for (user, item), content in zip(given, hashes, strict=True)
    ]
    changed = [row for row, item in enumerate(known) if item is None]
    vectors = _vectorize(batch, [given[row][1] for row in changed])
    new = dict(zip(changed, vectors, strict=True))
    personas: dict[str, list[PersonaItem]] = {user: [] for user, _ in users}
    for row, ((user, item), content, before) in enumerate(zip(given, hashes, known, strict=True)):
        personas[user].append(
            PersonaItem(
                item_id=item.item_id,
                vector=new[row] if before is None else before.vector,
                content_hash=content,
                time=item.time,
                output=item.output,
                text=item.input if batch.keep_texts else None,
                is_appended=item.is_appended if before is None else before.is_appended,
            )
        )
    return {user: items + carried[user] for user, items in personas.items()}, len(changed)


def _find_known(
    stored: dict[str, PersonaItem], item: SourceItem, content_hash: str
) -> PersonaItem | None:
    """Return the stored item whose vector still holds."""
    found = stored.get(item.item_id)
    return found if found is not None and found.content_hash == content_hash else None


def _vectorize(batch: Batch, items: Sequence[SourceItem]) -> NDArray[Any]:
    return batch.vectorize(items) if items else np.empty((0, 0), np.float16)


def _list_others(batch: Batch, shard: int, users: Sequence[str]) -> Iterator[list[SourceUser]]:
    """Yield users whom the tables don't know, and of whom the batch keeps something."""
    scanned = batch.store.scan(shard, batch.watermarks[shard], skip=users)
    others = (
        (user, list[SourceItem]())
        for user, items in scanned
        if _carry(batch, (), {item.item_id: item for item in items})
    )
    while part := list(islice(others, CARRIED_PER_BATCH)):
        yield part
