"""Settings of the persona store."""

from pydantic import Field

from components.config import Config
from components.personas.databases import MAX_SHARDS


class PersonaStoreConfig(Config):
    """Whose personas a store holds, in how many parts, and how much of them is served."""

    tenant: str = Field("default", description="Whose users; tenants see nothing of each other.")
    num_shards: int = Field(
        16,
        ge=1,
        le=MAX_SHARDS,
        description="Number of parts of a new store; one that exists keeps its own. Erasing a user "
        "rewrites one SQLite part by way of memory: a million users want 64 or more.",
    )
    max_items: int = Field(512, ge=1, description="Number of newest items that are served.")


DEFAULTS = PersonaStoreConfig()
