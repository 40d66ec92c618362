"""Records of the model registry: a candidate, who holds an office, what became of a candidate."""

from datetime import date

from pydantic import Field

from components.config import Config

PROMOTED = "promoted"
"""How the registry tells of a version that became champion."""


class Registration(Config):
    """One registered user embedder."""

    model_name: str = Field(description="Name of the registered model.")
    version: str = Field(description="Version in the model registry.")
    weights_hash: str = Field(description="sha256 of the user embedder's weights.")
    llm_hash: str = Field(description="Content hash of its LLM.")
    encoder_fingerprint: str = Field(description="Of the vectors that it reads.")
    artifact_hash: str = Field(
        description="Seal of the artifact: of every byte that decides an answer."
    )


class Incumbent(Config):
    """A version of the registered model that holds an office."""

    version: str = Field(description="Its version in the model registry.")
    artifact_hash: str | None = Field(
        description="As it was registered; None for what an older version of this code registered."
    )
    llm_hash: str = Field(description="Content hash of its LLM.")
    llm_settings_hash: str = Field(description="Of the settings that made its LLM.")
    llm_knows_erased: bool = Field(
        False, description="Whether questions of a user who was erased since tuned its LLM."
    )


class Incumbents(Config):
    """Who holds which office today."""

    champion: Incumbent | None = Field(None, description="What serves; None before a promotion.")
    reference: Incumbent | None = Field(
        None,
        description=(
            "What every candidate is compared with beside the champion, so that small losses do "
            "not add up over many retrainings; None before a promotion."
        ),
    )

    def by_office(self) -> dict[str, Incumbent]:
        """Return those in office."""
        offices = {"champion": self.champion, "reference": self.reference}
        return {office: holder for office, holder in offices.items() if holder is not None}


class Promotion(Config):
    """What became of a registered user embedder."""

    promoted: bool = Field(description="Whether it is the champion now.")
    model_name: str = Field(description="Name of the registered model.")
    version: str = Field(description="Its version.")


class PastDecision(Config):
    """What became of one registered version, and by which figures."""

    version: str = Field(description="Its version in the model registry.")
    registered: date = Field(description="When it was registered, in UTC.")
    said: str = Field(description="`promoted`, or `refused:` and why.")
    figures: dict[str, float] = Field(
        description="The primary metric of persona, and of the champion and reference of that day."
    )

    @property
    def promoted(self) -> bool:
        """Whether it became champion."""
        return self.said == PROMOTED
