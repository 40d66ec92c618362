"""One tenant's personas under one history encoder: what every read and write needs to know."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, insert, select

from components.personas.custody import Custody
from components.personas.databases import Database
from components.personas.identifiers import RowHashes, shard_of
from components.personas.sealing import make_context
from components.personas.tables import ITEMS, NAMESPACES


@dataclass(frozen=True)
class Namespace:
    """A tenant and a fingerprint in a database.

    Attributes:
        database: Where the rows lie.
        custody: Where keys and receipts lie.
        tenant: Whose users these are.
        fingerprint: Of the history encoder.
        dim: Width E of its vectors.
        namespace_id: In the tables.
    """

    database: Database
    custody: Custody
    tenant: str
    fingerprint: str
    dim: int
    namespace_id: int

    @cached_property
    def hashes(self) -> RowHashes:
        """The hashes that stand in rows."""
        return RowHashes(self.custody.hash_key, self.tenant)

    def shard_of(self, user_id: str) -> int:
        """Return which shard has a user."""
        return shard_of(user_id, self.database.num_shards)

    def context_of(self, user_hash: bytes) -> bytes:
        """Return what a user's rows are bound to."""
        return self._context + user_hash

    @cached_property
    def _context(self) -> bytes:
        return make_context(self.tenant, self.fingerprint)

    def owner(self, shard: int, user_hash: bytes) -> dict[str, Any]:
        """Return the columns that every row of a user has."""
        return {"shard": shard, "user_hash": user_hash, "namespace_id": self.namespace_id}

    def rows_in(self, shard: int) -> tuple[Any, ...]:
        """Return the conditions that rows of a shard meet."""
        return ITEMS.c.shard == shard, ITEMS.c.namespace_id == self.namespace_id

    def rows_of(self, shard: int, *user_hashes: bytes) -> tuple[Any, ...]:
        """Return the conditions that rows of some users of a shard meet."""
        return *self.rows_in(shard), ITEMS.c.user_hash.in_(user_hashes)


def find_namespace(
    database: Database, custody: Custody, tenant: str, fingerprint: str, dim: int, *, create: bool
) -> Namespace:
    """Return the namespace of a tenant and a fingerprint.

    Args:
        database: Where to look.
        custody: The operator's.
        tenant: Whose users.
        fingerprint: Of the history encoder.
        dim: Width E of its vectors.
        create: Whether it is made if it isn't there.

    Raises:
        ValueError: If it isn't there, or the fingerprint's vectors have another width.
    """
    with database.read_catalog() as connection:
        namespace_id = _look_up(connection, tenant, fingerprint, dim, str(database))
    if namespace_id is None and not create:
        raise ValueError(
            f"persona store {database}: tenant {tenant!r} has nothing under fingerprint "
            f"{fingerprint!r}, only under {sorted(list_fingerprints(database, tenant))}"
        )
    if namespace_id is None:
        with database.write_catalog() as connection:
            namespace_id = _look_up(connection, tenant, fingerprint, dim, str(database))
            if namespace_id is None:
                values = {"tenant": tenant, "fingerprint": fingerprint, "dim": dim}
                added = connection.execute(insert(NAMESPACES).values(values))
                namespace_id = added.inserted_primary_key[0]  # type: ignore[index]
    return Namespace(database, custody, tenant, fingerprint, dim, namespace_id)


def list_fingerprints(database: Database, tenant: str) -> dict[str, int]:
    """Return the fingerprints under which a tenant has something, and their vectors' widths."""
    columns = (NAMESPACES.c.fingerprint, NAMESPACES.c.dim)
    with database.read_catalog() as connection:
        found = connection.execute(select(*columns).where(NAMESPACES.c.tenant == tenant))
        return dict(found.all())  # type: ignore[arg-type]


def _look_up(
    connection: Connection, tenant: str, fingerprint: str, dim: int, store: str
) -> int | None:
    columns = (NAMESPACES.c.namespace_id, NAMESPACES.c.tenant, NAMESPACES.c.dim)
    found = connection.execute(select(*columns).where(NAMESPACES.c.fingerprint == fingerprint))
    namespace_ids: dict[str, int] = {}
    for namespace_id, owner, made_with in found:
        if made_with != dim:
            raise ValueError(
                f"persona store {store}: the vectors of fingerprint {fingerprint!r} have dim "
                f"{made_with}, but it is opened with dim {dim}"
            )
        namespace_ids[owner] = namespace_id
    return namespace_ids.get(tenant)
