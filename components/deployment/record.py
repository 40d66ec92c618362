"""What a deployment was of, what became of it, and how long it took."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from components.config import Config
from components.deployment.config import TargetName

Outcome = Literal["deployed", "unchanged", "dry_run", "skipped", "refused", "rolled_back", "failed"]
GOOD: tuple[Outcome, ...] = ("deployed", "unchanged", "dry_run", "skipped")


def tell_time() -> str:
    """Return the time, as records hold it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class ModelVersion(Config):
    """A registered version with a serving bundle."""

    name: str = Field(description="Of the registered model.")
    version: str = Field(pattern=r"^\d+$", description="In the registry.")
    bundle_hash: str = Field(description="Content hash of its serving bundle.")

    @property
    def place(self) -> str:
        """What a gateway is told to serve."""
        return f"models:/{self.name}/{self.version}"


class Deployment(Config):
    """The record of one deployment."""

    outcome: Outcome = Field(
        description="deployed; unchanged (it served already); dry_run; skipped; refused (nothing "
        "was changed); rolled_back (what served before serves again); failed (neither)."
    )
    reason: str = Field(description="Why, in words.")
    target: TargetName = Field(description="Where.")
    model: ModelVersion | None = Field(None, description="What; none where there was no version.")
    objects_hash: str = Field("", description="sha256 of what was applied.")
    diff: str = Field("", description="What it changes.")
    serves: str = Field("", description="What serves now.")
    who: str = Field("", description="Who asked for it.")
    started: str = Field(default_factory=tell_time, description="When, UTC, ISO 8601.")
    seconds: dict[str, float] = Field({}, description="Of each phase.")

    @property
    def is_good(self) -> bool:
        """Whether what was asked for is so."""
        return self.outcome in GOOD
