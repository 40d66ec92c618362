"""Generations of a store's base: which is served, up to where it took appended items in.

A batch writes a generation that nobody sees; publishing flips one pointer. The generation before
stays, with all that was appended since its watermark, so that going back loses nothing.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from components.personas.identifiers import HASH_BYTES
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
HASH_RANGES = [(bytes([n << 4]), bytes([n << 4 | 15]) + b"\xff" * HASH_BYTES) for n in range(16)]
"""All user hashes, in sixteen parts."""


class ServedError(ValueError):
    """A generation that is to be written is served already."""


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

    def begin(
        self, watermarks: Sequence[int] | None = None, job: str = NOBODYS, inputs: str = ""
    ) -> int:
        """Return the number of a new generation, which nobody sees.

        Args:
            watermarks: Of each shard: the last appended row that the generation takes in; of this
                moment if not given.
            job: Whose it is. If this job has begun one that isn't served yet, as another of its
                processes does or one that was killed, that one is returned, with its watermarks.
            inputs: What the job reads: the same for all its processes.

        Raises:
            ValueError: If there is not one watermark a shard, or what the job has begun can't be
                gone on with: it had other inputs, or another job was faster.
        """
        advance = (
            update(NAMESPACES)
            .where(self._of_namespace)
            .values(last_generation=NAMESPACES.c.last_generation + 1)
            .returning(NAMESPACES.c.last_generation)
        )
        with self._database.write_catalog() as connection:
            current, _ = self._pointers(connection)
            known = None if job == NOBODYS else self._find_newest(connection, job)
            if known is not None and known.generation > current:
                _check_same(known, inputs, current)
                return int(known.generation)
            if watermarks is None:
                # While nobody can publish, and so nobody prune what lies above them.
                watermarks = self._database.read_sequences()
            generation = int(connection.execute(advance).scalar_one())
            begun = {"namespace_id": self._namespace_id, "generation": generation}
            rows = [
                {**begun, "shard": shard, "sequence": sequence}
                for shard, sequence in enumerate(watermarks)
            ]
            if len(rows) != self._database.num_shards:
                raise ValueError(
                    f"{len(rows)} watermarks for {self._database.num_shards} shards; "
                    "expected one a shard"
                )
            batch = {**begun, "job": job, "inputs": inputs, "base_generation": current}
            connection.execute(insert(BATCHES), batch)
            connection.execute(insert(WATERMARKS), rows)
        return generation

    def current(self) -> int:
        """Return the number of the generation that is served."""
        with self._database.read_catalog() as connection:
            return self._pointers(connection)[0]

    def find(self, job: str) -> int | None:
        """Return the newest generation that a job has begun and nobody has taken back."""
        with self._database.read_catalog() as connection:
            found = self._find_newest(connection, job)
        return None if found is None else int(found.generation)

    def inputs(self, generation: int) -> str | None:
        """Return what the job of a generation has read; none of one that no batch made."""
        read = select(BATCHES.c.inputs).where(
            BATCHES.c.namespace_id == self._namespace_id, BATCHES.c.generation == generation
        )
        with self._database.read_catalog() as connection:
            return connection.execute(read).scalar_one_or_none()

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
            ServedError: If it is served.
            ValueError: Else, with the numbers that are allowed.
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
            self._check_base(connection, generation)
            if missing := sorted(set(range(self._database.num_shards)) - finished):
                raise ValueError(f"generation {generation}: shards {missing} are not finished")
            connection.execute(update(NAMESPACES).where(self._of_namespace).values(pointers))
        self.prune()
        return True

    def roll_back(self) -> int:
        """Serve the generation before again, and return its number; items appended since stay.

        The job whose generation is taken back will make another one.

        Raises:
            ValueError: If there is none: one step back is kept.
        """
        with self._database.write_catalog() as connection:
            current, previous = self._pointers(connection)
            if previous is None:
                raise ValueError(f"generation {current} has none before it to go back to")
            pointers = {"current_generation": previous, "previous_generation": None}
            taken_back = update(BATCHES).where(
                BATCHES.c.namespace_id == self._namespace_id, BATCHES.c.generation >= current
            )
            connection.execute(taken_back.values(job=NOBODYS))
            connection.execute(update(NAMESPACES).where(self._of_namespace).values(pointers))
        return previous

    def finish_pruning(self) -> None:
        """Prune if a process was killed between publishing and the end of its pruning."""
        pruned = select(NAMESPACES.c.pruned_generation).where(self._of_namespace)
        with self._database.read_catalog() as connection:
            if connection.execute(pruned).scalar_one() == self._pointers(connection)[0]:
                return
        self.prune()

    def prune(self) -> None:
        """Delete what no kept generation serves."""
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
            # Part by part, as long as whoever appends can wait.
            for first, last in HASH_RANGES:
                part = ITEMS.c.user_hash.between(first, last)
                with self._database.write(shard) as (connection, _):
                    connection.execute(delete(ITEMS).where(*here, part, old))
            with self._database.write(shard) as (connection, _):
                connection.execute(delete(ITEMS).where(*here, taken_in))
                tallies = (
                    LEDGER.c.shard == shard,
                    LEDGER.c.namespace_id == self._namespace_id,
                    old_tallies,
                )
                connection.execute(delete(LEDGER).where(*tallies))
        done = update(NAMESPACES).where(self._of_namespace).values(pruned_generation=current)
        with self._database.write_catalog() as connection:
            connection.execute(done)

    def _pointers(self, connection: Connection) -> tuple[int, int | None]:
        columns = (NAMESPACES.c.current_generation, NAMESPACES.c.previous_generation)
        current, previous = connection.execute(select(*columns).where(self._of_namespace)).one()
        return current, previous

    def _find_newest(self, connection: Connection, job: str) -> Row[Any] | None:
        """Return generation, inputs and base of a job's newest generation."""
        newest = (
            select(BATCHES)
            .where(BATCHES.c.namespace_id == self._namespace_id, BATCHES.c.job == job)
            .order_by(BATCHES.c.generation.desc())
            .limit(1)
        )
        return connection.execute(newest).one_or_none()

    def _check_base(self, connection: Connection, generation: int) -> None:
        """Refuse a generation that was begun on another one than is served: it lacks the latter's.

        Raises:
            ValueError: With both numbers.
        """
        begun_on = select(BATCHES.c.base_generation).where(
            BATCHES.c.namespace_id == self._namespace_id, BATCHES.c.generation == generation
        )
        base = connection.execute(begun_on).scalar_one()
        current, _ = self._pointers(connection)
        if base != current:
            raise ValueError(
                f"generation {generation} was begun while generation {base} was served; now it is "
                f"{current}: run the batch again"
            )

    def _check_building(self, connection: Connection, generation: int) -> None:
        columns = (NAMESPACES.c.current_generation, NAMESPACES.c.last_generation)
        current, last = connection.execute(select(*columns).where(self._of_namespace)).one()
        if not current < generation <= last:
            error = ServedError if generation == current else ValueError
            raise error(
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


def _check_same(known: Row[Any], inputs: str, current: int) -> None:
    """Refuse to go on with a generation that can't be published any more.

    Raises:
        ValueError: If it was begun with other inputs, or another one was published since.
    """
    begun = f"job {known.job}: generation {known.generation} was begun"
    if known.inputs != inputs:
        raise ValueError(
            f"{begun} with other inputs (were files added or changed?); give the run another name"
        )
    if known.base_generation != current:
        raise ValueError(
            f"{begun} while generation {known.base_generation} was served; another job has "
            f"published {current} since; give the run another name"
        )
