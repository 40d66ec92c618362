"""Reading personas: a user's newest items, every user of a shard, and how much there is.

Letters: n items of one user, E width of the history encoder.
"""

from collections.abc import Callable, Collection, Iterator
from operator import itemgetter
from typing import Any, TypeVar

import numpy as np
from cryptography.exceptions import InvalidTag
from sqlalchemy import bindparam, func, or_, select

from components.personas.engines import Query
from components.personas.namespaces import Namespace
from components.personas.persona import PersonaItem, StoredPersona
from components.personas.sealing import Sealer, order_by_age
from components.personas.tables import (
    ALL_ITEMS,
    APPENDED,
    IN_BASE,
    IN_LOG,
    IN_NAMESPACE,
    ITEMS,
    REPLACED,
    select_served,
)

USERS_PER_PAGE = 256

PERSONAS = Query(select_served(ITEMS.c.persona))
WHOLE_ROWS = Query(select_served(ITEMS.c.persona, ITEMS.c.contents))
COUNTS = Query(
    select(func.count(ITEMS.c.user_hash.distinct()), func.count()).where(
        *IN_NAMESPACE, or_(IN_BASE, IN_LOG & (ITEMS.c.item_hash != REPLACED))
    )
)
NEXT_USERS = Query(
    select(ITEMS.c.user_hash)
    .where(*IN_NAMESPACE, ITEMS.c.user_hash > bindparam("last"))
    .distinct()
    .order_by(ITEMS.c.user_hash)
    .limit(bindparam("num_users"))
)

BY_PLACE = itemgetter(1, 2)  # generation and sequence: the base, then what was appended

T = TypeVar("T")
Rows = list[Any]


def read_persona(namespace: Namespace, user_id: str, max_items: int) -> StoredPersona:
    """Return a user's newest items, oldest first; an empty persona for an unknown user."""

    def open_newest(sealer: Sealer, rows: Rows) -> StoredPersona:
        persona = sealer.open_persona(rows, namespace.dim)
        if rows[-1][1] != APPENDED:  # only of the base: few enough, and in order
            return persona
        order = order_by_age(persona.times)[-max_items:]
        return StoredPersona(
            vectors=persona.vectors[np.asarray(order)],
            item_ids=tuple([persona.item_ids[row] for row in order]),
            times=tuple([persona.times[row] for row in order]),
        )

    shard, user_hash = namespace.shard_of(user_id), namespace.hashes.user(user_id)
    limits = {"max_items": max_items, "up_to": ALL_ITEMS}
    persona = _open_rows(namespace, PERSONAS, shard, user_hash, limits, open_newest)
    return Sealer.open_nothing(namespace.dim) if persona is None else persona


def read_items(namespace: Namespace, user_id: str, up_to: int) -> tuple[PersonaItem, ...]:
    """Return all of a user's items with all that is stored of them, oldest first."""
    shard, user_hash = namespace.shard_of(user_id), namespace.hashes.user(user_id)
    found = _open_whole(namespace, shard, user_hash, up_to)
    return () if found is None else found[1]


def scan_shard(
    namespace: Namespace, shard: int, up_to: int, skip: Collection[str]
) -> Iterator[tuple[str, tuple[PersonaItem, ...]]]:
    """Yield every user of a shard with all items, oldest first; few are in memory at a time."""
    passed_over = {namespace.hashes.user(user_id) for user_id in skip}
    page = {"namespace_id": namespace.namespace_id, "last": b"", "num_users": USERS_PER_PAGE}
    while rows := namespace.database.fetch(shard, NEXT_USERS, page):
        for (user_hash,) in rows:
            if user_hash not in passed_over:
                found = _open_whole(namespace, shard, user_hash, up_to)
                if found is not None:
                    yield found
        page["last"] = rows[-1][0]


def _open_whole(
    namespace: Namespace, shard: int, user_hash: bytes, up_to: int
) -> tuple[str, tuple[PersonaItem, ...]] | None:
    def open_all(sealer: Sealer, rows: Rows) -> tuple[str, tuple[PersonaItem, ...]]:
        user_id, items = sealer.open_items(rows, namespace.dim)
        order = order_by_age([item.time for item in items])
        return user_id, tuple([items[row] for row in order])

    limits = {"max_items": ALL_ITEMS, "up_to": up_to}
    return _open_rows(namespace, WHOLE_ROWS, shard, user_hash, limits, open_all)


def count_served(namespace: Namespace) -> tuple[int, int]:
    """Return the numbers of users and of items."""
    shards = range(namespace.database.num_shards)
    parameters = {"namespace_id": namespace.namespace_id}
    counts = [namespace.database.fetch(shard, COUNTS, parameters)[0] for shard in shards]
    return sum(users for users, _ in counts), sum(items for _, items in counts)


def keep_served(rows: Rows) -> Rows:
    """Return a user's rows in their order, without what was replaced or is there twice.

    Args:
        rows: Of `select_served`; the first fields are item hash, generation and sequence.
    """
    rows.sort(key=BY_PLACE)
    if not rows or rows[-1][1] != APPENDED:
        return rows
    first: dict[bytes, Any] = {}
    for row in rows:
        if row[0] == REPLACED:
            first.clear()
        else:
            first.setdefault(row[0], row)  # of the base, if a batch took the item in already
    return list(first.values())


def _open_rows(
    namespace: Namespace,
    query: Query,
    shard: int,
    user_hash: bytes,
    limits: dict[str, int],
    open_rows: Callable[[Sealer, Rows], T],
) -> T | None:
    """Return what `open_rows` makes of a user's served rows, none if there are none."""
    parameters = {"namespace_id": namespace.namespace_id, "user_hash": user_hash, **limits}
    keys = namespace.custody.keys
    problem: Exception | None = None
    for _ in range(2):  # between rows and key the user may be erased, and agree again
        rows = keep_served(namespace.database.fetch(shard, query, parameters))
        if not rows:
            return None
        key = keys.find(user_hash)
        if key is not None:
            try:
                return open_rows(Sealer(key, namespace.context_of(user_hash)), rows)
            except InvalidTag as err:
                problem = err
    if keys.is_destroyed(user_hash):  # rows that a killed `forget` left
        return None
    raise ValueError(
        f"persona store {namespace.database}: the rows of user hash {user_hash.hex()} can't be "
        "opened: they were changed, or the key store is another one"
    ) from problem
