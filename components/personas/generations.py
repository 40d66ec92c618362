"""Generations of a store's base: which is served, up to where it took appended items in.

A batch writes a generation that nobody sees; publishing flips one pointer. The generation before
stays, with all that was appended since its watermark, so that going back loses nothing.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from components.personas.ledger import ShardTally, read_tallies
from components.personas.namespaces import Namespace
from components.personas.tables import (
    BATCHES,
    EMPTY_GENERATION,
    IS_APPENDED,
    ITEMS,
    LEDGER,
    NAMESPACES,
    WATERMARKS,
)

NOBODYS = ""
"""Job of a generation that no other process joins."""


class Generations:
    """The generations of one namespace.

    Args:
        namespace: Tenant and fingerprint in a database.
    """

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self._database = namespace.database
        self._namespace_id = namespace.namespace_id
        self._of_namespace = NAMESPACES.c.namespace_id == self._namespace_id

    def begin(self, watermarks: Sequence[int], job: str = NOBODYS) -> int:
        """Return the number of a new generation, which nobody sees.

        Args:
            watermarks: Of each shard: the last appended row that the generation takes in.
            job: Whose it is. If this job has begun one that isn't served yet, as another of its
                processes does or one that was killed, that one is returned, with its watermarks.

        Raises:
            ValueError: If there is not one watermark a shard.
        """
        if len(watermarks) != self._database.num_shards:
            raise ValueError(
                f"{len(watermarks)} watermarks for {self._database.num_shards} shards; "
                "expected one a shard"
            )
        advance = (
            update(NAMESPACES)
            .where(self._of_namespace)
            .values(last_generation=NAMESPACES.c.last_generation + 1)
            .returning(NAMESPACES.c.last_generation)
        )
        with self._database.write_catalog() as connection:
            current, _ = self._pointers(connection)
            known = self._find_newest(connection, job)
            if job != NOBODYS and known is not None and known > current:
                return known
            generation = int(connection.execute(advance).scalar_one())
            begun = {"namespace_id": self._namespace_id, "generation": generation}
            rows = [
                {**begun, "shard": shard, "sequence": sequence}
                for shard, sequence in enumerate(watermarks)
            ]
            connection.execute(insert(BATCHES), {**begun, "job": job})
            connection.execute(insert(WATERMARKS), rows)
        return generation

    def current(self) -> int:
        """Return the number of the generation that is served."""
        with self._database.read_catalog() as connection:
            return self._pointers(connection)[0]

    def is_served(self, job: str) -> bool:
        """Return whether the generation that is served is this job's."""
        with self._database.read_catalog() as connection:
            return self._find_newest(connection, job) == self._pointers(connection)[0]

    def watermarks(self, generation: int) -> tuple[int, ...]:
        """Return the last appended row of each shard that a generation takes in."""
        noted = (
            select(WATERMARKS.c.sequence)
            .where(
                WATERMARKS.c.namespace_id == self._namespace_id,
                WATERMARKS.c.generation == generation,
            )
            .order_by(WATERMARKS.c.shard)
        )
        with self._database.read_catalog() as connection:
            return tuple(connection.execute(noted).scalars())

    def tallies(self, generation: int) -> list[ShardTally]:
        """Return what a batch says of the shards that it has finished in a generation."""
        return read_tallies(self._namespace, generation)

    def check_building(self, generation: int) -> None:
        """Refuse a generation that was not begun, or is as old as what is served.

        Raises:
            ValueError: With the numbers that are allowed.
        """
        with self._database.read_catalog() as connection:
            self._check_building(connection, generation)

    def publish(self, generation: int) -> bool:
        """Let a generation be served, and drop what neither it nor its predecessor needs.

        Args:
            generation: That was begun, and all of whose shards are finished.

        Returns:
            Whether this call did it: of several processes one does.

        Raises:
            ValueError: If the generation isn't being built, or a shard isn't finished.
        """
        finished = {tally.shard for tally in self.tallies(generation)}
        pointers = {
            "previous_generation": NAMESPACES.c.current_generation,
            "current_generation": generation,
        }
        with self._database.write_catalog() as connection:
            if self._pointers(connection)[0] == generation:
                return False
            self._check_building(connection, generation)
            if missing := sorted(set(range(self._database.num_shards)) - finished):
                raise ValueError(f"generation {generation}: shards {missing} are not finished")
            connection.execute(update(NAMESPACES).where(self._of_namespace).values(pointers))
        self.prune()
        return True

    def roll_back(self) -> int:
        """Serve the generation before again, and return its number; items appended since stay.

        Raises:
            ValueError: If there is none: one step back is kept.
        """
        with self._database.write_catalog() as connection:
            current, previous = self._pointers(connection)
            if previous is None:
                raise ValueError(f"generation {current} has none before it to go back to")
            pointers = {"current_generation": previous, "previous_generation": None}
            connection.execute(update(NAMESPACES).where(self._of_namespace).values(pointers))
        return previous

    def prune(self) -> None:
        """Delete what no kept generation serves; again, if a killed process left some of it."""
        with self._database.read_catalog() as connection:
            current, previous = self._pointers(connection)
            kept = {current, current if previous is None else previous}
            watermarks = self._lowest_watermarks(connection, kept)
        old, old_tallies = (
            table.c.generation.not_in(kept) & (table.c.generation < max(kept))
            for table in (ITEMS, LEDGER)
        )
        for shard in range(self._database.num_shards):
            taken_in = IS_APPENDED & (ITEMS.c.sequence <= watermarks.get(shard, 0))
            here = (ITEMS.c.shard == shard, ITEMS.c.namespace_id == self._namespace_id)
            with self._database.write(shard) as (connection, _):
                connection.execute(delete(ITEMS).where(*here, old))
                connection.execute(delete(ITEMS).where(*here, taken_in))
                connection.execute(
                    delete(LEDGER).where(
                        LEDGER.c.shard == shard,
                        LEDGER.c.namespace_id == self._namespace_id,
                        old_tallies,
                    )
                )

    def _pointers(self, connection: Connection) -> tuple[int, int | None]:
        columns = (NAMESPACES.c.current_generation, NAMESPACES.c.previous_generation)
        current, previous = connection.execute(select(*columns).where(self._of_namespace)).one()
        return current, previous

    def _find_newest(self, connection: Connection, job: str) -> int | None:
        newest = select(func.max(BATCHES.c.generation)).where(
            BATCHES.c.namespace_id == self._namespace_id, BATCHES.c.job == job
        )
        return connection.execute(newest).scalar_one()

    def _check_building(self, connection: Connection, generation: int) -> None:
        columns = (NAMESPACES.c.current_generation, NAMESPACES.c.last_generation)
        current, last = connection.execute(select(*columns).where(self._of_namespace)).one()
        if not current < generation <= last:
            raise ValueError(
                f"generation {generation} is not being built: {current} is served, "
                f"{last} was begun last"
            )

    def _lowest_watermarks(self, connection: Connection, kept: set[int]) -> dict[int, int]:
        if EMPTY_GENERATION in kept:  # it took nothing in
            return {}
        lowest = (
            select(WATERMARKS.c.shard, func.min(WATERMARKS.c.sequence))
            .where(
                WATERMARKS.c.namespace_id == self._namespace_id, WATERMARKS.c.generation.in_(kept)
            )
            .group_by(WATERMARKS.c.shard)
        )
        return dict(connection.execute(lowest).all())  # type: ignore[arg-type]
