"""Writing personas: what one user adds or replaces, and what a batch writes.

Letters: n items of one user, E width of the history encoder.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, insert

from components.personas.engines import Query
from components.personas.identifiers import check_id
from components.personas.namespaces import Namespace
from components.personas.persona import PersonaItem
from components.personas.reading import keep_served
from components.personas.sealing import Sealer, order_by_age, to_matrix
from components.personas.tables import (
    ALL_ITEMS,
    APPENDED,
    IS_APPENDED,
    ITEMS,
    REPLACED,
    select_served,
)

ITEM_HASHES = select_served()
INSERT = Query(insert(ITEMS))


@dataclass(frozen=True, eq=False)
class CheckedUser:
    """A user's items, fit to be stored: oldest first, with their vectors as float16 [n, E]."""

    user_id: str
    user_hash: bytes
    shard: int
    items: Sequence[PersonaItem]
    item_hashes: Sequence[bytes]
    vectors: NDArray[np.float16]


def append_items(namespace: Namespace, user_id: str, items: Iterable[PersonaItem]) -> None:
    """Add items to a user's history. All or none.

    Raises:
        ValueError: If an item is not fit, is already stored, or the user was erased.
    """
    user = check_user(namespace, user_id, [replace(item, is_appended=True) for item in items])
    if not user.items:
        return
    with namespace.database.write(user.shard, len(user.items)) as (connection, first):
        _refuse_stored(namespace, connection, user)
        _insert(connection, _seal(namespace, user, _make_key(namespace, user), APPENDED, first))


def replace_items(
    namespace: Namespace, user_id: str, items: Iterable[PersonaItem], current: int
) -> None:
    """Put these items in the place of a user's whole history. All or none.

    Args:
        namespace: Whose.
        user_id: The user.
        items: The new history.
        current: The generation that is served.

    Raises:
        ValueError: If an item is not fit, or the user was erased.
    """
    user = check_user(namespace, user_id, [replace(item, is_appended=True) for item in items])
    owner = namespace.owner(user.shard, user.user_hash)
    published = (ITEMS.c.generation <= current) | IS_APPENDED
    with namespace.database.write(user.shard, 1 + len(user.items)) as (connection, first):
        key = _make_key(namespace, user)
        connection.execute(
            delete(ITEMS).where(*namespace.rows_of(user.shard, user.user_hash), published)
        )
        mark = {"item_hash": REPLACED, "persona": b"", "contents": b""}
        place = {"generation": APPENDED, "sequence": first}
        rows = _seal(namespace, user, key, APPENDED, first + 1)
        _insert(connection, [{**owner, **place, **mark}, *rows])


def write_generation(
    namespace: Namespace,
    generation: int,
    personas: Iterable[tuple[str, Iterable[PersonaItem]]],
    read_under: Mapping[str, bytes] | None = None,
) -> frozenset[str]:
    """Write some users' whole histories into a generation; return whom it refused as erased.

    Users who were written before are written anew. All users of one shard are written or none.

    Args:
        namespace: Whose.
        generation: Which.
        personas: Users' ids and items.
        read_under: The keys under which the items were read: who has another one by now was erased
            since, and agreed again; what was read before must not come back.

    Raises:
        ValueError: If an item is not fit, or a user comes twice.
    """
    by_shard: dict[int, dict[bytes, CheckedUser]] = defaultdict(dict)
    for user_id, items in personas:
        user = check_user(namespace, user_id, items)
        if user.user_hash in by_shard[user.shard]:
            raise ValueError(f"user {user_id!r} comes twice; expected all items at once")
        by_shard[user.shard][user.user_hash] = user
    refused: set[str] = set()
    # All at once, as each time is a write to the disk; below they are only looked up.
    namespace.custody.keys.make([user_hash for users in by_shard.values() for user_hash in users])
    for shard, users in by_shard.items():
        with namespace.database.write(shard) as (connection, _):
            # Within the transaction: whoever is erased from now on is erased after it.
            keys = namespace.custody.keys.make(list(users))
            here = namespace.rows_of(shard, *users)
            connection.execute(delete(ITEMS).where(*here, ITEMS.c.generation == generation))
            rows: list[dict[str, Any]] = []
            for user_hash, user in users.items():
                was_read_under = None if read_under is None else read_under.get(user.user_id)
                if user_hash in keys and was_read_under in (None, keys[user_hash]):
                    rows += _seal(namespace, user, keys[user_hash], generation, 0)
                else:
                    refused.add(user.user_id)
            _insert(connection, rows)
    return frozenset(refused)


def check_user(namespace: Namespace, user_id: str, items: Iterable[PersonaItem]) -> CheckedUser:
    """Return a user's items, checked and oldest first.

    Raises:
        ValueError: As `components.personas.sealing.to_matrix`, or if the user's id is blank.
    """
    check_id("user_id", user_id)
    given = list(items)
    vectors = to_matrix(user_id, given, namespace.dim)
    order = order_by_age([item.time for item in given])
    user_hash = namespace.hashes.user(user_id)
    return CheckedUser(
        user_id,
        user_hash,
        namespace.shard_of(user_id),
        [given[row] for row in order],
        [namespace.hashes.item(user_hash, given[row].item_id) for row in order],
        vectors[order],
    )


def _make_key(namespace: Namespace, user: CheckedUser) -> bytes:
    keys = namespace.custody.keys.make([user.user_hash])
    if not keys:
        raise ValueError(f"user {user.user_id!r} was erased, and has not been readmitted")
    return keys[user.user_hash]


def _refuse_stored(namespace: Namespace, connection: Connection, user: CheckedUser) -> None:
    parameters = namespace.owner(user.shard, user.user_hash)
    limits = {"up_to": ALL_ITEMS, "max_items": ALL_ITEMS}
    rows = keep_served(list(connection.execute(ITEM_HASHES, {**parameters, **limits})))
    known = {row[0] for row in rows}
    for item, item_hash in zip(user.items, user.item_hashes, strict=True):
        if item_hash in known:
            raise ValueError(f"user {user.user_id!r}, item {item.item_id!r}: is already stored")


def _insert(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        # As text: SQLAlchemy's own way with parameters takes longer than the database.
        connection.exec_driver_sql(INSERT.compile(connection.engine)[0], rows)


def _seal(
    namespace: Namespace, user: CheckedUser, key: bytes, generation: int, first: int
) -> list[dict[str, Any]]:
    """Return a user's rows, numbered from `first` on."""
    sealer = Sealer(key, namespace.context_of(user.user_hash))
    owner = namespace.owner(user.shard, user.user_hash)
    rows = []
    numbered = enumerate(zip(user.items, user.item_hashes, user.vectors, strict=True), start=first)
    for sequence, (item, item_hash, vector) in numbered:
        place = (item_hash, generation, sequence)
        persona, contents = sealer.seal(user.user_id, item, vector, place)
        columns = zip(("item_hash", "generation", "sequence"), place, strict=True)
        rows.append({**owner, **dict(columns), "persona": persona, "contents": contents})
    return rows
