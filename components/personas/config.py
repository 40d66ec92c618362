"""Settings of the persona store."""

import os
from pathlib import Path

from pydantic import Field

from components.config import Config
from components.personas.databases import MAX_SHARDS

STORE_VARIABLE = "PERSONA_PLUG_STORE"


class PersonaStoreConfig(Config):
    """Where a store lies, whose personas it holds, in how many parts, and what is served."""

    place: str = Field(
        "state/personas",
        description="A directory, or the address of a PostgreSQL database without a password "
        "(postgresql+psycopg://user@host/database). PERSONA_PLUG_STORE in the environment comes "
        "before it, so that a Secret may hold the whole address.",
    )
    tenant: str = Field("default", description="Whose users; tenants see nothing of each other.")
    num_shards: int = Field(
        16,
        ge=1,
        le=MAX_SHARDS,
        description="Number of parts of a new store; one that exists keeps its own. Erasing a user "
        "rewrites one SQLite part by way of memory: a million users want 64 or more.",
    )
    max_items: int = Field(512, ge=1, description="Number of newest items that are served.")
    keep_texts: bool = Field(
        True,
        description="Whether items keep their input texts, sealed as their vectors are. Without "
        "them the store can't be a source of later trainings.",
    )

    def locate(self, root: Path) -> str:
        """Return where the store lies: an address, or a directory, below `root` if relative."""
        place = os.environ.get(STORE_VARIABLE) or self.place
        return place if "://" in place else str(root / place)


DEFAULTS = PersonaStoreConfig()
