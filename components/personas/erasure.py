"""Erasing a user: the key is destroyed, the rows are deleted, and a receipt says so."""

from sqlalchemy import Connection, delete, func, select

from components.personas.custody import Custody
from components.personas.databases import Database
from components.personas.identifiers import RowHashes, shard_of
from components.personas.ledger import deduct_user
from components.personas.receipts import Deletion, Receipt
from components.personas.tables import APPENDED, ITEMS, NAMESPACES
from components.user_hash import hash_user


def erase_user(database: Database | None, custody: Custody, tenant: str, user_id: str) -> Receipt:
    """Erase a user of a tenant, under every fingerprint and in every generation.

    The key goes first: from then on no store can be written for this user, and no copy of any
    store, log or backup can be read. Then the rows are deleted, and a shard's file is rewritten
    without them while its other writers wait. Erasing again is no error, and finishes what was cut
    off. Where there is no database the key is destroyed all the same.
    """
    user_hash = RowHashes(custody.hash_key, tenant).user(user_id)
    keys_wiped = custody.keys.destroy(user_hash)
    deletions: list[Deletion] = []
    rows_wiped = True
    if database is not None:
        shard = shard_of(user_id, database.num_shards)
        here = (ITEMS.c.shard == shard, ITEMS.c.user_hash == user_hash)
        with database.write(shard) as (connection, _):
            deletions = _list_rows(connection, database.name_shard(shard), here)
            deduct_user(connection, shard, user_hash)
            connection.execute(delete(ITEMS).where(*here))
        rows_wiped = database.wipe(shard)
    return custody.receipts.write(
        "forget",
        tenant=tenant,
        user_hash=hash_user(user_id, custody.hash_key),
        deletions=deletions,
        key_destroyed=True,
        files_wiped=keys_wiped and rows_wiped,
    )


def readmit_user(custody: Custody, tenant: str, user_id: str) -> Receipt:
    """Let an erased user be stored again, who agreed to it; the new key opens nothing old.

    Raises:
        ValueError: If the user was not erased.
    """
    user_hash = RowHashes(custody.hash_key, tenant).user(user_id)
    if not custody.keys.is_destroyed(user_hash):
        raise ValueError(f"user {user_id!r} was not erased, so there is nothing to lift")
    custody.keys.allow(user_hash)
    return custody.receipts.write(
        "readmit",
        tenant=tenant,
        user_hash=hash_user(user_id, custody.hash_key),
        deletions=(),
        key_destroyed=False,
        files_wiped=False,
    )


def _list_rows(connection: Connection, place: str, here: tuple[object, ...]) -> list[Deletion]:
    counted = (
        select(NAMESPACES.c.fingerprint, ITEMS.c.generation, func.count())
        .join(NAMESPACES, NAMESPACES.c.namespace_id == ITEMS.c.namespace_id)
        .where(*here)  # type: ignore[arg-type]
        .group_by(NAMESPACES.c.fingerprint, ITEMS.c.generation)
        .order_by(NAMESPACES.c.fingerprint, ITEMS.c.generation)
    )
    return [
        Deletion(
            place=f"{place}, fingerprint {fingerprint}, "
            + ("appended" if generation == APPENDED else f"generation {generation}"),
            rows=rows,
        )
        for fingerprint, generation, rows in connection.execute(counted)
    ]
