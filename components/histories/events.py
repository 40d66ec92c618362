"""Events of a persona store, and what says up to where a source of events was read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pydantic import Field, TypeAdapter

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


class StoreWatermark(Config):
    """Up to where a persona store was read: what was appended later is not there."""

    tenant: str = Field(description="Whose users.")
    fingerprint: str = Field(description="Of the encoder under which the items lay.")
    generation: int = Field(description="The generation that was served.")
    sequences: tuple[int, ...] = Field(description="The last appended row of each shard.")

    def summarize(self) -> dict[str, Any]:
        """Return what is shown beside an artifact."""
        return self.model_dump(mode="json")


class FileMark(Config):
    """One event file, as it was read."""

    name: str = Field(description="Its name within the folder.")
    size_bytes: int = Field(description="Its size.")
    sha256: str = Field(description="Of its bytes.")
    num_items: int = Field(
        description="Its events that became items: not those of users with fewer than `min_events`."
    )


class FilesWatermark(Config):
    """Which event files were read, and how far each went."""

    files: tuple[FileMark, ...] = Field(description="In the order of reading.")

    def summarize(self) -> dict[str, Any]:
        """Return what is shown beside an artifact: a year has many files."""
        num_items = sum(file.num_items for file in self.files)
        return {"files": len(self.files), "items": num_items, "last_file": self.files[-1].name}


Watermark = StoreWatermark | FilesWatermark
"""No two have a field in common, so that what is written tells which it is."""
WATERMARK: TypeAdapter[Watermark] = TypeAdapter(Watermark)


@dataclass(frozen=True)
class StoredEvents:
    """What a persona store hands over.

    Attributes:
        rows: Columns as in EVENT_FILE_SCHEMA, those of a user together; can be read once.
        watermark: Up to where.
    """

    rows: Iterable[Mapping[str, Any]] = field(repr=False)
    watermark: StoreWatermark
