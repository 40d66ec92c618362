"""What a batch did: counts, hashes and seconds, for people and programs."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field

from components.config import Config
from components.folder import Folder
from components.personas.ledger import HASH_SPACE, ShardTally


class EmbeddingFolder(Folder):
    """Receipts and dead letters of a batch: places and counts, no ids and no texts."""


class EmbeddingReceipt(Config):
    """One process's account of a batch; counts are those of the shards that it names."""

    outcome: Literal["published", "shards_finished", "already_served", "skipped"] = Field(
        description="published: the new generation is served. shards_finished: other processes of "
        "the job are still at work, the last one publishes. already_served: nothing has changed "
        "since the generation that is served. skipped: nothing was to be done."
    )
    reason: str = Field(description="The outcome in one sentence.")
    fingerprint: str | None = Field(None, description="Fingerprint of the history encoder.")
    generation: int | None = Field(None, ge=1, description="That was written, or is served.")
    inputs: str | None = Field(None, description="Sha256 of names, sizes and versions of inputs.")
    shards: tuple[int, ...] = Field((), description="Whose counts these are.")
    users: int = Field(0, ge=0, description="Users with at least one stored item.")
    items_in: int = Field(0, ge=0, description="Items that came in.")
    carried: int = Field(0, ge=0, description="Stored items that did not come in and were kept.")
    stored: int = Field(0, ge=0, description="Items in the generation.")
    refused: int = Field(0, ge=0, description="Items in the dead-letter file.")
    erased: int = Field(0, ge=0, description="Items of erased users, left out.")
    encoded: int = Field(0, ge=0, description="Items that got a new vector.")
    checksum: str | None = Field(
        None, description="Sum of the stored items' keyed hashes modulo 2^128, hexadecimal."
    )
    dead_letters: str | None = Field(
        None, description="File of this process's refused items, beside the receipt."
    )
    seconds: float = Field(0.0, ge=0, description="How long this process took.")

    def add(self, tallies: Sequence[ShardTally]) -> Self:
        """Return the receipt with the counts of these shards."""
        names = ("users", "items_in", "carried", "stored", "refused", "erased", "encoded")
        sums = {name: sum(getattr(tally, name) for tally in tallies) for name in names}
        checksum = sum(int(tally.checksum, 16) for tally in tallies) % HASH_SPACE
        shards = tuple(tally.shard for tally in tallies)
        return self.model_copy(update={**sums, "shards": shards, "checksum": f"{checksum:032x}"})
