"""Settings of the batch job that fills the persona store."""

from pydantic import Field

from components.config import Config


class EmbeddingConfig(Config):
    """How much a batch takes at once, and what it puts up with."""

    items_per_batch: int = Field(
        2048,
        ge=1,
        le=30_000,
        description="Items encoded and committed at once: what a killed process loses at most. A "
        "user's items are one batch, however many there are.",
    )
    items_per_pass: int = Field(
        2_000_000,
        ge=1,
        description="Most items held in memory, about 1 GB; more are read in several passes over "
        "the item tables, but a shard's are held together.",
    )
    max_refused_share: float = Field(
        0.01,
        ge=0,
        le=1,
        description="If a larger share of a pass's items can't be stored, nothing of it is: most "
        "often one column is wrong in all rows.",
    )
