"""What a candidate is judged by."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import Field

from components.config import Config
from components.evaluation.evidence import Evidence
from components.inversion.report import InversionReport
from components.promotion.artifact_check import ArtifactCheck


class Rival(Config):
    """A registered model of the same task, beside the candidate."""

    version: str = Field(description="Its version in the model registry.")
    is_candidate: bool = Field(description="Whether it is the candidate itself.")
    obstacle: str | None = Field(
        None, description="Why it cannot answer the candidate's questions; None if it did."
    )


Rivals = Mapping[str, Rival]
"""By arm, of INCUMBENTS; those that are in office."""


@dataclass(frozen=True)
class Case:
    """A candidate, those that it is compared with, and what is allowed."""

    evidence: Evidence
    rivals: Rivals
    artifact: ArtifactCheck
    """What became of the registered artifact when it was asked by itself."""
    replace_incomparable: bool
    """Whether a rival that cannot answer the candidate's questions is passed by."""
    inversion: InversionReport | None = None
    """What was recovered from vectors; None if that was not measured."""
