"""What is kept of each simulated week, and what the year says.

Whether quality creeps down is asked on the same questions: tastes, words and users change, so the
figures of different weeks are of different difficulty. By how much is each new champion worse than
the one that it replaced, and how does the one in office stand against the first one of all?
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from components.config import Config
from components.evaluation.bootstrap import (
    build_interval,
    count_effective_users,
    resample_sums,
)
from components.evaluation.evaluation import Interval

CHAMPION, NEVER_RETRAINED, REPLACED = "champion", "never_retrained", "replaced"
NUM_DRAWS, SEED = 2000, 0
RECORDS = "weeks"
"""Folder of the records, below that of the state."""


class WeekRecord(Config):
    """One week's retraining.

    `right` has the models and judges that answered, each with the same questions: candidate,
    champion (in office after the decision), replaced (in office before it), never_retrained (the
    first champion), instruction_only (trained alike, no user), and the ideal judges without_user,
    bayes and oracle.
    """

    week: int = Field(ge=0, description="From 0, in which the first model is trained.")
    outcome: Literal["promoted", "refused", "skipped"] = Field(description="What became of it.")
    reason: str = Field(description="Why there was no training, or which rules refused.")
    num_items: int = Field(ge=0, description="Items of all users by then.")
    candidate: str | None = Field(description="The trained version; None in a skipped week.")
    champion: str | None = Field(description="The version in office after the decision.")
    seconds: float = Field(ge=0, description="Wall seconds of the run.")
    cpu_seconds: float = Field(ge=0, description="Processor seconds, those of child processes too.")
    users: list[str] = Field([], description="Who asked each question.")
    right: dict[str, list[bool]] = Field(
        {}, description="Whether each question was answered right."
    )

    def measure(self) -> dict[str, float]:
        """Return the accuracy of each who answered."""
        return {name: float(np.mean(right)) for name, right in self.right.items()}

    def summarize(self) -> dict[str, Any]:
        """Return what stands in the benchmark's result."""
        known = self.model_dump(exclude={"users", "right"})
        figures = {name: round(value, 4) for name, value in self.measure().items()}
        return known | {"num_questions": len(self.users), "accuracy": figures}


def read_records(folder: Path) -> list[WeekRecord]:
    """Return the finished weeks, from the first on."""
    files = sorted(folder.glob("*.json"))
    return [WeekRecord.model_validate_json(file.read_text("utf-8")) for file in files]


def write_record(folder: Path, record: WeekRecord) -> None:
    """Keep a finished week; it appears complete or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{record.week:03d}.json"
    partial = path.with_suffix(".partial")
    partial.write_text(record.model_dump_json(), "utf-8")
    partial.rename(path)


def summarize_year(records: Sequence[WeekRecord]) -> dict[str, Any]:
    """Return what the weeks say together."""
    promotions = [compare_replaced(one) for one in records if has_replaced(one)]
    quarters = [compare_with_never_retrained(one) for one in split_in_quarters(records)]
    return {
        "num_weeks": len(records),
        "num_outcomes": dict(Counter(record.outcome for record in records)),
        "quarters": quarters,
        "promotions": promotions,
        "fell_behind": any(one["gain_high"] < 0 for one in promotions)
        or any(one["lead_high"] < 0 for one in quarters),
        "weeks": [record.summarize() for record in records],
    }


def split_in_quarters(records: Sequence[WeekRecord]) -> list[list[WeekRecord]]:
    """Return the weeks in which the first model was asked beside its successor, by quarters."""
    quarters: dict[int, list[WeekRecord]] = {}
    for record in records:
        if has_successor(record):
            quarters.setdefault(4 * record.week // (records[-1].week + 1), []).append(record)
    return list(quarters.values())


def has_successor(record: WeekRecord) -> bool:
    """Return whether another than the first model is in office, or was trained to be."""
    return record.week > 0 and NEVER_RETRAINED in record.right


def has_replaced(record: WeekRecord) -> bool:
    """Return whether a champion took the place of another."""
    return record.outcome == "promoted" and REPLACED in record.right


def compare_replaced(record: WeekRecord) -> dict[str, Any]:
    """Return by how much a new champion is better than the one before, on the same questions."""
    gain = bootstrap_difference([record], CHAMPION, REPLACED)
    return {"week": record.week, "version": record.champion, **show_interval("gain", gain)}


def compare_with_never_retrained(records: Sequence[WeekRecord]) -> dict[str, Any]:
    """Return mean accuracies over weeks, and the champion's lead over the first model."""
    names = [name for name in records[0].right if all(name in one.right for one in records)]
    means = {name: np.mean([one.measure()[name] for one in records]) for name in names}
    lead = bootstrap_difference(records, CHAMPION, NEVER_RETRAINED)
    return {
        "weeks": [record.week for record in records],
        "accuracy": {name: round(float(value), 4) for name, value in means.items()},
        **show_interval("lead", lead),
    }


def show_interval(name: str, interval: Interval) -> dict[str, float]:
    """Return the value and its ends, as the result shows them."""
    ends = {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
    return {name: round(value, 4) for name, value in ends.items()}


def bootstrap_difference(records: Sequence[WeekRecord], one: str, other: str) -> Interval:
    """Return the mean difference over all questions of the weeks, users resampled.

    A question that several weeks ask counts in each: its user stays one.
    """
    _, users = np.unique([user for record in records for user in record.users], return_inverse=True)
    right, wrong = (
        np.concatenate([record.right[name] for record in records]).astype(np.float64)
        for name in (one, other)
    )
    statistics = np.column_stack([right - wrong, np.ones(len(users))])
    sums = resample_sums(statistics, users, NUM_DRAWS, SEED)
    draws = sums[:, 0] / sums[:, 1]
    mean = float((right - wrong).mean())
    return build_interval(mean, draws, count_effective_users(users))
