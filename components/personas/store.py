"""The persona store: every user's behavior vectors, by tenant, user and encoder fingerprint.

It takes vectors, and knows no encoder. Served is a base, written by batches, and what was appended
since. Reads may come from any number of processes and threads; the writers of a shard wait for
each other. Letters: n items of one user, E width of the history encoder.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from components.personas.config import DEFAULTS, PersonaStoreConfig
from components.personas.custody import Custody
from components.personas.databases import open_database
from components.personas.erasure import erase_user, readmit_user
from components.personas.generations import Generations
from components.personas.identifiers import check_id
from components.personas.ledger import ShardCounts, ShardTally, find_written, finish_shard
from components.personas.namespaces import Namespace, find_namespace
from components.personas.persona import PersonaItem, StoredPersona, StoreStat
from components.personas.reading import count_served, read_items, read_persona, scan_shard
from components.personas.receipts import Receipt
from components.personas.tables import ALL_ITEMS
from components.personas.writing import (
    append_items,
    replace_items,
    write_generation,
)


class PersonaStore:
    """All personas of one tenant under one history encoder; made by `PersonaStore.open`.

    Attributes:
        tenant: Whose users these are.
        fingerprint: Fingerprint of the history encoder.
        num_shards: How many shards there are; `components.personas.identifiers.shard_of` says
            which has a user.
        generations: To begin, publish and take back what batches write.

    Args:
        namespace: Tenant and fingerprint in an open database.
        max_items: How many of a user's items are served.
    """

    def __init__(self, namespace: Namespace, max_items: int) -> None:
        self.max_items = max_items
        self.tenant = namespace.tenant
        self.fingerprint = namespace.fingerprint
        self._namespace = namespace
        self.num_shards = namespace.database.num_shards
        self.generations = Generations(namespace)

    @classmethod
    def open(
        cls,
        place: str | Path,
        custody: Custody,
        fingerprint: str,
        dim: int,
        config: PersonaStoreConfig = DEFAULTS,
        *,
        create: bool = True,
    ) -> Self:
        """Open a store, or make one where there is none.

        Args:
            place: A directory for SQLite, or the address of a PostgreSQL database, as
                `components.personas.databases.open_database`.
            custody: The operator's.
            fingerprint: Fingerprint of the history encoder.
            dim: Width E of its vectors.
            config: Tenant, number of shards, number of items that are served.
            create: Whether a missing store, tenant or fingerprint is made. A reader says False: a
                mistyped one would otherwise serve every user without history.

        Raises:
            ValueError: If the store was made with another key or width, is missing or something
                else, or an argument is blank.
        """
        check_id("fingerprint", fingerprint)
        check_id("tenant", config.tenant)
        if dim < 1:
            raise ValueError(f"dim is {dim}, a persona store's vectors have at least 1 number")
        database = open_database(place, config.num_shards, custody, create=create)
        try:
            namespace = find_namespace(
                database, custody, config.tenant, fingerprint, dim, create=create
            )
            return cls(namespace, config.max_items)
        except BaseException:
            database.close()
            raise

    def get(self, user_id: str, max_items: int | None = None) -> StoredPersona:
        """Return a user's newest items, oldest first; an empty persona for an unknown user.

        Items are ordered by time, those without a time first, then by when they were stored.

        Args:
            user_id: The user.
            max_items: How many items; as configured if not given.

        Raises:
            ValueError: If `max_items` is below 1, or the rows can't be opened.
        """
        max_items = self.max_items if max_items is None else max_items
        if max_items < 1:
            raise ValueError(f"max_items is {max_items}, allowed is 1 or more")
        return read_persona(self._namespace, user_id, max_items)

    def append(self, user_id: str, items: Iterable[PersonaItem]) -> None:
        """Add items to a user's history; they are visible to the next read. All or none.

        Raises:
            ValueError: If a vector is not [E] or not finite as float16, an id is blank or comes
                twice, a content hash is no sha256, the user already has an item of that id, or was
                erased.
        """
        append_items(self._namespace, user_id, items)

    def replace(self, user_id: str, items: Iterable[PersonaItem]) -> None:
        """Put these items in the place of a user's whole history. All or none.

        A batch that read the old history doesn't bring it back.

        Raises:
            ValueError: As `append`.
        """
        replace_items(self._namespace, user_id, items, self.generations.current())

    def forget(self, user_id: str) -> Receipt:
        """Erase a user of this tenant, see `components.personas.erasure.erase_user`."""
        space = self._namespace
        return erase_user(space.database, space.custody, space.tenant, user_id)

    def readmit(self, user_id: str) -> Receipt:
        """Let an erased user be stored again, who agreed to it.

        Raises:
            ValueError: If the user was not erased.
        """
        return readmit_user(self._namespace.custody, self._namespace.tenant, user_id)

    def get_items(self, user_id: str, up_to: int = ALL_ITEMS) -> tuple[PersonaItem, ...]:
        """Return a user's whole history with all that is stored of it, oldest item first.

        Args:
            user_id: The user.
            up_to: The last appended row that counts, see `watermarks`.
        """
        return read_items(self._namespace, user_id, up_to)

    def scan(
        self, shard: int, up_to: int = ALL_ITEMS, skip: Collection[str] = ()
    ) -> Iterator[tuple[str, tuple[PersonaItem, ...]]]:
        """Yield every user of a shard with the whole history, oldest item first.

        No lock is held between two users: each is as it stood when it was reached.

        Args:
            shard: From 0 to `num_shards` - 1.
            up_to: The last appended row that counts, see `watermarks`.
            skip: Ids of users who are passed over.
        """
        return scan_shard(self._namespace, shard, up_to, skip)

    def stat(self) -> StoreStat:
        """Count the tenant's users and items, and the bytes of the store.

        An item that a batch took in while it was being appended, or that was replaced while a
        batch ran, counts until the next one.
        """
        users, items = count_served(self._namespace)
        return StoreStat(
            users=users,
            items=items,
            size_bytes=self._namespace.database.size_bytes(),
            fingerprint=self.fingerprint,
            generation=self.generations.current(),
        )

    def watermarks(self) -> tuple[int, ...]:
        """Return the last appended row of each shard: a batch notes it before it reads.

        What a batch that publishes them didn't read is then still served beside it.
        """
        return self._namespace.database.read_sequences()

    def write_base(
        self,
        generation: int,
        personas: Iterable[tuple[str, Iterable[PersonaItem]]],
        read_under: Mapping[str, bytes] | None = None,
    ) -> frozenset[str]:
        """Write some users' whole histories into a generation; return whom it refused as erased.

        Users who were written before are written anew. All users of one shard are written or none.

        Args:
            generation: That `generations.begin` returned.
            personas: Users' ids and items.
            read_under: Of `hold_keys`, from before the items were read: who was erased since, and
                agreed again, is refused too, so that nothing from before comes back.

        Raises:
            ValueError: If the generation isn't being built, a user comes twice, or an item is not
                fit, as in `append`.
        """
        self.generations.check_building(generation)
        return write_generation(self._namespace, generation, personas, read_under)

    def hold_keys(self, user_ids: Sequence[str]) -> dict[str, bytes]:
        """Return users' keys, made where there are none; users who were erased are absent."""
        hashes = [self._namespace.hashes.user(user) for user in user_ids]
        keys = self._namespace.custody.keys.make(hashes)
        held = zip(user_ids, hashes, strict=True)
        return {user: keys[user_hash] for user, user_hash in held if user_hash in keys}

    def find_written(
        self, generation: int, shard: int, expected: Sequence[tuple[str, Sequence[str]]]
    ) -> frozenset[str]:
        """Return those of a shard's users whose rows in a generation are these items already.

        Args:
            generation: That is being built.
            shard: Which.
            expected: Users' ids, each with the ids of all items.
        """
        return find_written(self._namespace, generation, shard, expected)

    def finish_shard(
        self,
        generation: int,
        shard: int,
        expected: Iterable[tuple[str, Sequence[str]]],
        counts: ShardCounts,
        refused: Collection[str] = (),
    ) -> ShardTally:
        """Compare a written shard with what it should hold, and note that it is finished.

        Args:
            generation: That is being built; when all its shards are finished it may be published.
            shard: Which.
            expected: Users' ids, each with the ids of all items, also of users who were refused as
                erased.
            counts: What the batch did.
            refused: Users whom `write_base` refused.

        Raises:
            ValueError: If the generation isn't being built, rows are missing or too many, or the
                counts don't add up.
        """
        self.generations.check_building(generation)
        return finish_shard(self._namespace, generation, shard, expected, counts, refused)

    def order_users(self, user_ids: Iterable[str]) -> list[str]:
        """Return users in the order in which their rows lie: by shard, then by hash.

        A batch that writes in it touches each part of the store once.
        """
        space = self._namespace
        return sorted(user_ids, key=lambda user: (space.shard_of(user), space.hashes.user(user)))

    def close(self) -> None:
        """Close the connections to the rows; the custody stays open."""
        self._namespace.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
