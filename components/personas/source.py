"""The persona store as a source of histories: what was stored, as events for the next training."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tqdm import tqdm

from components.histories.events import StoredEvents, StoreWatermark
from components.personas.config import PersonaStoreConfig
from components.personas.custody import Custody
from components.personas.databases import open_database
from components.personas.namespaces import list_fingerprints
from components.personas.persona import PersonaItem
from components.personas.store import PersonaStore


def open_source(
    place: str | Path, custody: Custody, tenant: str, fingerprint: str | None
) -> PersonaStore:
    """Open a store that is there, to read it.

    Args:
        place: As `PersonaStore.open`.
        custody: The operator's.
        tenant: Whose users.
        fingerprint: Of the encoder under which the items lie; None for the tenant's only one.

    Raises:
        ValueError: If the store or the tenant is not there, or what the tenant has is under other
            fingerprints, or under several and none is given; lists them.
    """
    with closing(open_database(place, 1, custody, create=False)) as database:
        dims = list_fingerprints(database, tenant)
        if fingerprint is None and len(dims) == 1:
            (fingerprint,) = dims
        if fingerprint is None or fingerprint not in dims:
            raise ValueError(
                f"persona store {database}: tenant {tenant!r} has items under the fingerprints "
                f"{sorted(dims)}; expected one of them in data.store.fingerprint (or "
                f"--fingerprint), got {fingerprint!r}"
            )
    config = PersonaStoreConfig(tenant=tenant)
    return PersonaStore.open(place, custody, fingerprint, dims[fingerprint], config, create=False)


def read_events(store: PersonaStore) -> StoredEvents:
    """Return all that is stored as of now, by shard, the hash of the user, and age.

    Whoever is erased, or whose history is replaced, before it was reached, is absent.
    """
    # In this order: a generation that is published in between is found out, see below.
    generation = store.generations.current()
    watermark = StoreWatermark(
        tenant=store.tenant,
        fingerprint=store.fingerprint,
        generation=generation,
        sequences=store.watermarks(),
    )
    return StoredEvents(_list_events(store, watermark), watermark)


def _list_events(store: PersonaStore, watermark: StoreWatermark) -> Iterator[dict[str, Any]]:
    """Yield rows of EVENT_FILE_SCHEMA.

    Raises:
        ValueError: If an item has no text, or another generation is published meanwhile.
    """
    with tqdm(total=store.stat().items, desc="reading the store", unit=" items") as progress:
        for shard, up_to in enumerate(watermark.sequences):
            for user_id, items in store.scan(shard, up_to):
                for item in items:
                    yield _to_event(user_id, item)
                progress.update(len(items))
            # Its base may hold later items than the watermark, and other users.
            served = store.generations.current()
            if served != watermark.generation:
                raise ValueError(
                    f"persona store: generation {served} was published while generation "
                    f"{watermark.generation} was read, a part of each was seen; read it again"
                )


def _to_event(user_id: str, item: PersonaItem) -> dict[str, Any]:
    if item.text is None:
        raise ValueError(
            f"persona store, user {user_id!r}, item {item.item_id!r}: has no text: it was stored "
            "while personas.keep_texts was off, or from item tables without a column 'input'; "
            "without texts a store is no source of histories"
        )
    return {
        "user_id": user_id,
        "item_id": item.item_id,
        "time": item.time,
        "input": item.text,
        "output": item.output,
        "is_appended": item.is_appended,
    }
