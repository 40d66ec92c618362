"""Settings of the validation: which share of defects stops a run, and what reports may show."""

from typing import Literal

from pydantic import Field

from components.config import Config

RowRule = Literal["emptiness", "uniqueness", "ownership", "time_order", "gold_in_history", "labels"]
Rule = Literal["schema", RowRule]
Severity = Literal["critical", "warning"]

DEFAULT_THRESHOLD = 0.05


class Thresholds(Config):
    """For each rule, the largest share of defects with which a run goes on.

    The rule `schema` has none: a table without its columns can't be judged row by row, so one
    wrong column stops the run.
    """

    emptiness: float = Field(
        DEFAULT_THRESHOLD, ge=0, le=1, description="Share of rows without a text, gold or id."
    )
    uniqueness: float = Field(
        DEFAULT_THRESHOLD, ge=0, le=1, description="Share of rows whose id is not their own."
    )
    ownership: float = Field(
        DEFAULT_THRESHOLD,
        ge=0,
        le=1,
        description="Share of history links to no item, or to another user's.",
    )
    time_order: float = Field(
        DEFAULT_THRESHOLD,
        ge=0,
        le=1,
        description="Share of history links to an item that is not strictly before the question.",
    )
    gold_in_history: float = Field(
        DEFAULT_THRESHOLD,
        ge=0,
        le=1,
        description="Share of questions (text tasks) whose history holds their own answer.",
    )
    labels: float = Field(
        DEFAULT_THRESHOLD, ge=0, le=1, description="Share of rows with an output not in the task."
    )

    def of(self, rule: Rule) -> float:
        """Return a rule's threshold, a share from 0 to 1."""
        return 0.0 if rule == "schema" else float(getattr(self, rule))


class ValidationConfig(Config):
    """What sound histories are."""

    thresholds: Thresholds = Field(
        Thresholds(), description="Shares of defects (0 to 1) above which the run stops."
    )
    warning_rules: tuple[RowRule, ...] = Field(
        (),
        description=(
            "Rules that never stop the run, whatever their share; defective rows go to the "
            "quarantine all the same."
        ),
    )

    def severity_of(self, rule: Rule) -> Severity:
        """Return whether a rule stops the run above its threshold (critical) or not (warning)."""
        return "warning" if rule in self.warning_rules else "critical"
