"""Figures with their bootstrap draws: what rules judge by and what a report shows in short.

Letters: D draws, U users.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.evaluation.bootstrap import build_interval, resample_sums
from components.evaluation.evaluation import Interval
from components.evaluation.metrics import FloatArray, higher_is_better
from components.tasks.task import Metric

ALL = "all"
"""The slice of all questions, as they were asked."""


class Figure(NamedTuple):
    """One metric of one arm or judge: over a slice's questions, and over every resample [D]."""

    value: float
    draws: FloatArray


@dataclass(frozen=True)
class SliceEvidence:
    """What was measured on some of the questions, everything on the same resamples."""

    figures: Mapping[tuple[str, Metric], Figure]
    """By arm or judge, and metric; none in an empty slice."""
    num_questions: int
    num_users: int
    effective_users: float
    """Kish's effective number: as many users with equally many questions tell as much."""

    def difference(self, arm: str, metric: Metric, sign: int = 1) -> Figure:
        """Return persona minus another arm, times `sign`, paired by question and resample."""
        persona, other = self.figures["persona", metric], self.figures[arm, metric]
        return Figure(sign * (persona.value - other.value), sign * (persona.draws - other.draws))

    def interval(self, figure: Figure) -> Interval:
        """Return a figure with its 95 % interval."""
        return build_interval(figure.value, figure.draws, self.effective_users)


@dataclass(frozen=True)
class UserGains:
    """What persona gains for each user over other arms, by the primary metric; positive is good."""

    num_questions: NDArray[np.int64]
    """Of every user, int64 [U]."""
    gains: Mapping[str, FloatArray]
    """Mean gain over a user's questions by the arm compared with, float64 [U]."""
    num_draws: int
    seed: int

    def counted(self, arm: str, min_questions: int) -> FloatArray:
        """Return the gains over an arm of users with at least so many questions."""
        return self.gains[arm][self.num_questions >= min_questions]

    def net_harmed(self, arm: str, min_questions: int) -> Figure:
        """Return the share of users harmed minus the share helped; a resample draws users.

        Raises:
            ValueError: If no user has so many questions.
        """
        harmed = -np.sign(self.counted(arm, min_questions))
        columns = np.column_stack([harmed, np.ones(len(harmed))])
        sums = resample_sums(columns, np.arange(len(harmed)), self.num_draws, self.seed)
        return Figure(float(harmed.mean()), sums[:, 0] / sums[:, 1])


@dataclass(frozen=True)
class Evidence:
    """Everything that was measured of one candidate."""

    metrics: tuple[Metric, ...]
    """What is measured, the primary metric first."""
    slices: Mapping[str, SliceEvidence]
    """By name; the slice ALL also holds the judges and, as persona_seed_N, other trainings."""
    samples: Mapping[str, SliceEvidence]
    """By arm that answered some questions only: all arms on these."""
    users: UserGains
    largest_loss: float
    """As much of the primary metric as one answer can lose against another."""

    @property
    def primary_metric(self) -> Metric:
        """The metric that decides."""
        return self.metrics[0]

    def find(self, name: str, arm: str) -> SliceEvidence | None:
        """Return the slice in which persona is compared with an arm, or None without both.

        Of all questions, an arm that answered a sample of them has answered the sample.
        """
        found = self.samples.get(arm) if name == ALL else None
        found = found or self.slices.get(name)
        key = self.primary_metric
        has_both = found and {("persona", key), (arm, key)} <= set(found.figures)
        return found if has_both else None


def sign_of(metric: Metric) -> int:
    """Return 1 where more of a metric is better, else -1."""
    return 1 if higher_is_better(metric) else -1
