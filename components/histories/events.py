"""Events of a persona store: as a file, and with what says up to where the store was read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pydantic import Field

from components.config import Config

EVENT_FILE_SCHEMA = pa.schema(
    {
        "user_id": pa.string(),
        "item_id": pa.string(),
        "time": pa.timestamp("us"),
        "input": pa.string(),
        "output": pa.string(),
        "is_appended": pa.bool_(),
    }
)
"""One row an event, as an interactions file; time (UTC) and output may be null.

`is_appended`: serving had added it, so that it stands in no other source."""


class Watermark(Config):
    """Up to where a persona store was read: what was appended later is not there."""

    tenant: str = Field(description="Whose users.")
    fingerprint: str = Field(description="Of the encoder under which the items lay.")
    generation: int = Field(description="The generation that was served.")
    sequences: tuple[int, ...] = Field(description="The last appended row of each shard.")


@dataclass(frozen=True)
class StoredEvents:
    """What a persona store hands over.

    Attributes:
        rows: Columns as in EVENT_FILE_SCHEMA, those of a user together; can be read once.
        watermark: Up to where.
    """

    rows: Iterable[Mapping[str, Any]] = field(repr=False)
    watermark: Watermark
