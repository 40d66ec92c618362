"""Generations of a store's base: which is served, up to where it took appended items in.

A batch writes a generation that nobody sees; publishing flips one pointer. The generation before
stays, with all that was appended since its watermark, so that going back loses nothing.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from components.personas.databases import Database
from components.personas.tables import (
    EMPTY_GENERATION,
    IS_APPENDED,
    ITEMS,
    NAMESPACES,
    WATERMARKS,
)


class Generations:
    """The generations of one namespace.

    Args:
        database: Where they lie.
        namespace_id: Tenant and fingerprint.
    """

    def __init__(self, database: Database, namespace_id: int) -> None:
        self._database = database
        self._namespace_id = namespace_id
        self._of_namespace = NAMESPACES.c.namespace_id == namespace_id

    def begin(self) -> int:
        """Return the number of a new generation, which nobody sees."""
        advance = (
            update(NAMESPACES)
            .where(self._of_namespace)
            .values(last_generation=NAMESPACES.c.last_generation + 1)
            .returning(NAMESPACES.c.last_generation)
        )
        with self._database.write_catalog() as connection:
            return int(connection.execute(advance).scalar_one())

    def current(self) -> int:
        """Return the number of the generation that is served."""
        with self._database.read_catalog() as connection:
            return self._pointers(connection)[0]

    def check_building(self, generation: int) -> None:
        """Refuse a generation that was not begun, or is as old as what is served.

        Raises:
            ValueError: With the numbers that are allowed.
        """
        with self._database.read_catalog() as connection:
            self._check_building(connection, generation)

    def publish(self, generation: int, watermarks: Sequence[int]) -> None:
        """Let a generation be served, and drop what neither it nor its predecessor needs.

        Args:
            generation: That was begun and written.
            watermarks: Of each shard: the last appended row that the generation took in.

        Raises:
            ValueError: If the generation isn't being built, or there is not one number a shard.
        """
        if len(watermarks) != self._database.num_shards:
            raise ValueError(
                f"{len(watermarks)} watermarks for {self._database.num_shards} shards; "
                "expected one a shard"
            )
        rows = [
            {
                "namespace_id": self._namespace_id,
                "generation": generation,
                "shard": shard,
                "sequence": sequence,
            }
            for shard, sequence in enumerate(watermarks)
        ]
        pointers = {
            "previous_generation": NAMESPACES.c.current_generation,
            "current_generation": generation,
        }
        with self._database.write_catalog() as connection:
            self._check_building(connection, generation)
            connection.execute(insert(WATERMARKS), rows)
            connection.execute(update(NAMESPACES).where(self._of_namespace).values(pointers))
        self.prune()

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
        old = ITEMS.c.generation.not_in(kept) & (ITEMS.c.generation < max(kept))
        for shard in range(self._database.num_shards):
            taken_in = IS_APPENDED & (ITEMS.c.sequence <= watermarks.get(shard, 0))
            here = (ITEMS.c.shard == shard, ITEMS.c.namespace_id == self._namespace_id)
            with self._database.write(shard) as (connection, _):
                connection.execute(delete(ITEMS).where(*here, old))
                connection.execute(delete(ITEMS).where(*here, taken_in))

    def _pointers(self, connection: Connection) -> tuple[int, int | None]:
        columns = (NAMESPACES.c.current_generation, NAMESPACES.c.previous_generation)
        current, previous = connection.execute(select(*columns).where(self._of_namespace)).one()
        return current, previous

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
