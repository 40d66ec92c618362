"""Settings of the validation: which defects stop a run, at what share, and what is looked for."""

from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import Field

from components.config import Config

RowRule = Literal[
    "emptiness",
    "size",
    "readability",
    "uniqueness",
    "labels",
    "clock",
    "ownership",
    "time_order",
    "gold_in_history",
    "near_gold",
    "split_overlap",
    "near_duplicates",
    "shared_texts",
    "erased_users",
    "personal_data",
]
Rule: TypeAlias = Literal["schema"] | RowRule
Severity = Literal["critical", "warning"]
PersonalDataAction = Literal["report", "mask", "refuse"]

USUAL_THRESHOLD = 0.05


def _threshold(description: str, default: float = USUAL_THRESHOLD) -> float:
    threshold: float = Field(default, ge=0, le=1, description=f"Share of {description}.")
    return threshold


class Thresholds(Config):
    """For each rule, the largest share of defects with which a run goes on, if it is critical.

    The rule `schema` has none: a table without its columns can't be judged row by row, so one
    wrong column stops the run.
    """

    emptiness: float = _threshold("rows without a text, gold or id")
    size: float = _threshold("rows with a text longer than max_text_length")
    readability: float = _threshold("rows with a text that is none: broken characters, no letters")
    uniqueness: float = _threshold("rows whose id is not their own")
    labels: float = _threshold("rows with an output not in the task")
    clock: float = _threshold("rows in the future, before 1971, or of a user with one timestamp")
    ownership: float = _threshold("history links to no item, or to another user's")
    time_order: float = _threshold("history links to an item not strictly before the question")
    gold_in_history: float = _threshold("questions (text tasks) whose history holds their answer")
    near_gold: float = _threshold("questions (text tasks) whose history nearly holds their answer")
    split_overlap: float = _threshold("questions that are asked again in a later split")
    near_duplicates: float = _threshold("items that nearly repeat an earlier one of their user")
    shared_texts: float = _threshold("items whose text another user has as well")
    erased_users: float = _threshold("rows of users who were erased", default=0.0)
    personal_data: float = _threshold("rows with personal data, if these are refused", default=0.0)

    def of(self, rule: Rule) -> float:
        """Return a rule's threshold, a share from 0 to 1."""
        return 0.0 if rule == "schema" else float(getattr(self, rule))


class Severities(Config):
    """For each rule, what becomes of defective rows.

    critical: they go to quarantine, and more than the threshold stop the run. warning: they are
    reported and stay. `personal_data` is critical if it is refused, see there; `schema` always is.
    """

    emptiness: Severity = "critical"
    size: Severity = "critical"
    readability: Severity = "warning"
    uniqueness: Severity = "critical"
    labels: Severity = "critical"
    clock: Severity = "warning"
    ownership: Severity = "critical"
    time_order: Severity = "critical"
    gold_in_history: Severity = "critical"
    near_gold: Severity = "warning"
    split_overlap: Severity = "critical"
    near_duplicates: Severity = "warning"
    shared_texts: Severity = "warning"
    erased_users: Severity = "critical"


class ValidationConfig(Config):
    """What sound histories are."""

    thresholds: Thresholds = Field(
        Thresholds(), description="Shares of defects (0 to 1) above which a critical rule stops."
    )
    severities: Severities = Field(
        Severities(), description="Whether defective rows stop and go (critical) or are reported."
    )
    max_text_length: int = Field(20_000, ge=1, description="Longest text, in characters.")
    latest_time: datetime | None = Field(
        None, description="Times after this one are in the future (UTC); None: the present."
    )
    personal_data: PersonalDataAction = Field(
        "report",
        description=(
            "Personal data in texts: counted and passed on (report), replaced by its kind (mask), "
            "or a defect (refuse), which stops the run above thresholds.personal_data."
        ),
    )
    tombstones: Path | None = Field(
        None,
        description="Parquet file of erased users, who must not turn up again; None: "
        "state/tombstones.parquet, once there is one.",
    )
    tombstones_hash: str | None = Field(
        None, description="sha256 of that file; None: any. A run looks it up before it starts."
    )

    def severity_of(self, rule: Rule) -> Severity:
        """Return what a rule does with defective rows."""
        if rule == "personal_data":
            return "critical" if self.personal_data == "refuse" else "warning"
        return "critical" if rule == "schema" else getattr(self.severities, rule)
