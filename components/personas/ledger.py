"""What a batch says of each shard that it wrote, and whether the rows are what it says.

A shard is finished in one transaction: user by user, the ids of the rows are compared with those
that came in (that a row holds what was sealed for it, its own tag says). A generation whose shards
are not all finished is never served. An erasure afterwards is taken out of the ledger in the
transaction that deletes the rows.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Self

from pydantic import Field, model_validator
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from components.config import Config
from components.personas.engines import Query
from components.personas.namespaces import Namespace
from components.personas.tables import ITEMS, LEDGER

Sum = tuple[int, int]
"""Number of items, and the sum of their hashes modulo 2^128: the same in any order."""

HASH_SPACE = 2**128
PLACE = ("shard", "namespace_id", "generation")
COLUMNS = [column for column in LEDGER.columns if column.name not in ("namespace_id", "generation")]
TALLY = Query(select(*COLUMNS).where(*(LEDGER.c[name] == bindparam(name) for name in PLACE)))


class ShardCounts(Config):
    """What a batch did for one shard."""

    items_in: int = Field(ge=0, description="Items that came in.")
    carried: int = Field(ge=0, description="Stored items that did not come in and were kept.")
    refused: int = Field(ge=0, description="Items that came in and are not fit to be stored.")
    encoded: int = Field(ge=0, description="Items that got a new vector.")
    seconds: float = Field(ge=0, description="How long the process that finished it took.")


class ShardTally(ShardCounts):
    """A finished shard of a generation."""

    shard: int = Field(ge=0, description="Which.")
    users: int = Field(ge=0, description="Users with at least one item.")
    erased: int = Field(ge=0, description="Items whose user was erased: before the batch or since.")
    stored: int = Field(ge=0, description="Items whose rows are there.")
    checksum: str = Field(
        description="Sum of the stored items' keyed hashes modulo 2^128, hexadecimal."
    )

    @model_validator(mode="after")
    def _reconciles(self) -> Self:
        came, went = self.items_in + self.carried, self.stored + self.refused + self.erased
        if came != went:
            raise ValueError(
                f"shard {self.shard}: {self.items_in} items came in and {self.carried} were "
                f"carried over, but {self.stored} are stored, {self.refused} refused and "
                f"{self.erased} erased"
            )
        return self


def find_written(
    namespace: Namespace,
    generation: int,
    shard: int,
    expected: Sequence[tuple[str, Sequence[str]]],
) -> frozenset[str]:
    """Return those of some users whose rows in a generation are these items."""
    due = _sum_expected(namespace, expected)
    conditions = (*namespace.rows_of(shard, *due), ITEMS.c.generation == generation)
    with namespace.database.read(shard) as connection:
        found = _sum_rows(connection, *conditions)
    sums = zip(expected, due.items(), strict=True)
    return frozenset(user for (user, _), (name, due_sum) in sums if found.get(name) == due_sum)


def finish_shard(
    namespace: Namespace,
    generation: int,
    shard: int,
    expected: Iterable[tuple[str, Sequence[str]]],
    counts: ShardCounts,
    refused: Collection[str],
) -> ShardTally:
    """Compare a shard's rows of a generation with what they should be, and note that they are.

    Rows of users who are not expected, as an earlier try of the batch may have left, are deleted.

    Args:
        namespace: Whose.
        generation: That is being built.
        shard: Which.
        expected: Users' ids, each with the ids of all items, also of those refused as erased.
        counts: What was done.
        refused: Users who were refused as erased, who may have been readmitted since.

    Raises:
        ValueError: If a user's rows are others, or the counts don't add up.
    """
    due = _sum_expected(namespace, expected)
    here = dict(zip(PLACE, (shard, namespace.namespace_id, generation), strict=True))
    with namespace.database.write(shard) as (connection, _):
        of_generation = ITEMS.c.generation == generation
        found = _sum_rows(connection, *namespace.rows_in(shard), of_generation)
        for user_hash in found.keys() - due.keys():  # an earlier try's, replaced since
            here_too = namespace.rows_of(shard, user_hash)
            connection.execute(delete(ITEMS).where(*here_too, of_generation))
            del found[user_hash]
        gone = {namespace.hashes.user(user_id) for user_id in refused}
        erased = _count_erased(namespace, shard, due, found, gone)
        tally = ShardTally(
            shard=shard,
            users=len(found),
            erased=erased,
            stored=sum(number for number, _ in found.values()),
            checksum=_to_hex(sum(total for _, total in found.values())),
            **counts.model_dump(),
        )
        connection.execute(delete(LEDGER).filter_by(**here))
        connection.execute(insert(LEDGER), {**here, **tally.model_dump()})
    return tally


def read_tallies(namespace: Namespace, generation: int) -> list[ShardTally]:
    """Return the tallies of the shards that are finished in a generation."""
    of_generation = {"namespace_id": namespace.namespace_id, "generation": generation}
    names = [column.name for column in COLUMNS]
    tallies = []
    for shard in range(namespace.database.num_shards):
        for row in namespace.database.fetch(shard, TALLY, of_generation):
            tallies.append(ShardTally.model_validate(dict(zip(names, row, strict=True))))
    return tallies


def deduct_user(connection: Connection, shard: int, user_hash: bytes) -> None:
    """Take an erased user out of the ledger, before the rows are deleted in this transaction."""
    columns = (ITEMS.c.namespace_id, ITEMS.c.generation, ITEMS.c.item_hash)
    rows = select(*columns).where(ITEMS.c.shard == shard, ITEMS.c.user_hash == user_hash)
    by_generation: dict[tuple[int, int], list[bytes]] = defaultdict(list)
    for namespace_id, generation, item_hash in connection.execute(rows):
        by_generation[namespace_id, generation].append(item_hash)
    for (namespace_id, generation), item_hashes in by_generation.items():
        place = dict(zip(PLACE, (shard, namespace_id, generation), strict=True))
        checksum = select(LEDGER.c.checksum).filter_by(**place)
        noted = connection.execute(checksum).scalar_one_or_none()
        if noted is None:  # not finished yet, or what was appended
            continue
        number, total = _add(item_hashes)
        change = {
            "users": LEDGER.c.users - 1,
            "stored": LEDGER.c.stored - number,
            "erased": LEDGER.c.erased + number,
            "checksum": _to_hex(int(noted, 16) - total),
        }
        connection.execute(update(LEDGER).filter_by(**place).values(change))


def _sum_expected(
    namespace: Namespace, expected: Iterable[tuple[str, Sequence[str]]]
) -> dict[bytes, Sum]:
    hashes = namespace.hashes
    users = ((hashes.user(user_id), item_ids) for user_id, item_ids in expected)
    return {
        user_hash: _add(hashes.item(user_hash, item_id) for item_id in item_ids)
        for user_hash, item_ids in users
    }


def _sum_rows(connection: Connection, *conditions: Any) -> dict[bytes, Sum]:
    """Return the sums of the rows that meet the conditions, by user hash."""
    by_user: dict[bytes, list[bytes]] = defaultdict(list)
    rows = select(ITEMS.c.user_hash, ITEMS.c.item_hash).where(*conditions)
    for user_hash, item_hash in connection.execute(rows):
        by_user[user_hash].append(item_hash)
    return {user_hash: _add(item_hashes) for user_hash, item_hashes in by_user.items()}


def _count_erased(
    namespace: Namespace,
    shard: int,
    due: dict[bytes, Sum],
    found: dict[bytes, Sum],
    gone: set[bytes],
) -> int:
    """Return how many items lack because their users were erased.

    Raises:
        ValueError: If a user's rows are others than those that are due.
    """
    erased = 0
    for user_hash, (number, total) in due.items():
        if found.get(user_hash, (0, 0)) == (number, total):
            continue
        is_gone = user_hash in gone or namespace.custody.keys.is_destroyed(user_hash)
        if user_hash in found or not is_gone:
            raise ValueError(
                f"persona store {namespace.database}, {namespace.database.name_shard(shard)}: user "
                f"hash {user_hash.hex()} has {found.get(user_hash, (0, 0))[0]} rows, not the "
                f"{number} that were to be written; run the batch again"
            )
        erased += number
    return erased


def _add(item_hashes: Iterable[bytes]) -> Sum:
    numbers = [int.from_bytes(item_hash, "big") for item_hash in item_hashes]
    return len(numbers), sum(numbers) % HASH_SPACE


def _to_hex(total: Any) -> str:
    return f"{total % HASH_SPACE:032x}"
