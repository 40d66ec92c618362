"""What goes into and comes out of the persona store.

Vectors can be inverted to the text that they encode: no repr here shows them. Letters: n history
items of one user, E width of the history encoder.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field


def hash_text(text: str) -> str:
    """Return the sha256 of a text, as hexadecimal digits: an item's `content_hash`."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class PersonaItem:
    """One history item to be stored.

    Attributes:
        item_id: Unique among the user's items.
        vector: Its behavior vector, floating point [E]; stored as float16.
        content_hash: Sha256 of the encoded text, 64 hexadecimal digits (`hash_text`).
        time: When it happened; without a time zone it is UTC. None counts as oldest.
        output: The item's output or label, if it has one.
        text: The item's input text, as it was before the history template, if it is kept: a store
            that is a source of later trainings needs it.
        is_appended: Whether serving added it; said by the store. A batch keeps it, also if what
            the batch reads doesn't have it.
    """

    item_id: str
    vector: NDArray[Any] = field(repr=False)
    content_hash: str
    time: datetime | None = None
    output: str | None = field(default=None, repr=False)
    text: str | None = field(default=None, repr=False)
    is_appended: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class StoredPersona:
    """A user's history as the user embedder reads it, oldest item first.

    Attributes:
        vectors: Behavior vectors, float16 [n, E]; n is 0 for a user without history.
        item_ids: The n items' ids.
        times: The n items' times in UTC without time zone, None where unknown.
    """

    vectors: NDArray[np.float16] = field(repr=False)
    item_ids: tuple[str, ...]
    times: tuple[datetime | None, ...]

    def __len__(self) -> int:
        return len(self.item_ids)


class StoreStat(BaseModel):
    """How much one tenant has in a store under one fingerprint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    users: int = Field(ge=0, description="Number of users with at least one served item.")
    items: int = Field(ge=0, description="Number of served items.")
    size_bytes: int = Field(ge=0, description="Size of the store, all tenants, in bytes.")
    fingerprint: str = Field(description="Fingerprint of the history encoder.")
    generation: int = Field(ge=1, description="The generation that is served; 1 is empty.")
