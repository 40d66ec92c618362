"""What was measured and decided: the content of evaluation.json."""

from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

from components.config import Config
from components.evaluation.metrics import higher_is_better
from components.tasks.task import METRICS, Metric

ARMS = (
    "base",
    "instruction_only",
    "user_statistics",
    "mean_pooling",
    "shuffled",
    "persona",
    "champion",
)
"""The known arms in the order of reports; method section 3 defines them."""

BASELINES = (
    "instruction_only",
    "shuffled",
    "mean_pooling",
    "base",
    "user_statistics",
    "champion",
)
"""Arms that persona is compared with, as `persona_vs_<arm>`."""

CONTROLS = ("instruction_only", "shuffled")
"""Arms that persona has to beat before anybody may say that it personalizes."""

Judge = Literal["bayes", "without_user", "oracle"]
"""Ideal judges: the posterior given the history, no knowledge of the user, the taste itself."""


class Interval(Config):
    """A figure with its two-sided 95 % interval from a bootstrap over users."""

    mean: float = Field(allow_inf_nan=False, description="The figure over all questions.")
    low: float = Field(allow_inf_nan=False, description="The resamples' 2.5 % quantile.")
    high: float = Field(allow_inf_nan=False, description="The resamples' 97.5 % quantile.")


class Reason(Config):
    """One rule of a decision."""

    rule: str = Field(description="The rule's name.")
    passed: bool = Field(description="Whether it holds.")
    sentence: str = Field(description="What was found, with figures.")


class Decision(Config):
    """Whether the candidate becomes champion, and why."""

    promoted: bool = Field(description="Whether all rules hold.")
    reasons: list[Reason] = Field(description="Every rule that was judged.")


class Evaluation(Config):
    """One candidate's figures on one split's questions."""

    schema_version: Literal[1] = Field(1, description="Version of this schema.")
    task: str = Field(description="The task's name.")
    split: str = Field(description="The split that the questions are from.")
    num_questions: int = Field(ge=1, description="Number of questions, the same for every arm.")
    num_users: int = Field(ge=1, description="Number of users who ask them.")
    arms: dict[str, dict[Metric, Interval]] = Field(description="Figures by arm and metric.")
    differences: dict[str, dict[Metric, Interval]] = Field(
        description="persona minus another arm, in the metric's unit, as persona_vs_<arm>."
    )
    limits: dict[Judge, dict[Metric, float]] = Field(
        {}, description="What ideal judges reach on these questions, where known."
    )
    gap_closed: dict[Metric, Interval] = Field(
        {}, description="Share of the gap from without_user to bayes that persona closes."
    )
    slices: dict[str, JsonValue] = Field({}, description="Figures of parts of the questions.")
    costs: dict[str, JsonValue] = Field({}, description="Seconds, tokens and bytes by arm.")
    gates: dict[str, JsonValue] = Field({}, description="Further gates.")
    notes: dict[str, JsonValue] = Field(
        {}, description="What is worth knowing beside the figures, e.g. what user_statistics is."
    )
    decision: Decision | None = Field(None, description="None until the rule has judged.")

    @property
    def primary_metric(self) -> Metric:
        """The metric that decides: the first one of its kind of task."""
        measured = set(next(iter(self.arms.values())))
        return next(kind[0] for kind in METRICS.values() if kind[0] in measured)

    def persona_beats(self, arm: str) -> bool:
        """Return whether persona is better than `arm` on the primary metric with 95 % confidence.

        An arm that was not evaluated is not beaten.
        """
        metric = self.primary_metric
        difference = self.differences.get(f"persona_vs_{arm}", {}).get(metric)
        return difference is not None and is_better(metric, difference)

    @property
    def personalizes(self) -> bool:
        """Whether "it personalizes" may be said: persona beats both controls."""
        return all(self.persona_beats(arm) for arm in CONTROLS)

    @model_validator(mode="after")
    def _has_primary_metric(self) -> Self:
        primary = {metrics[0] for metrics in METRICS.values()}
        for arm, figures in self.arms.items():
            if not primary & set(figures):
                raise ValueError(f"arm {arm} has {sorted(figures)}, none of {sorted(primary)}")
        if not self.arms:
            raise ValueError("no arm was evaluated")
        return self


def is_better(metric: str, difference: Interval) -> bool:
    """Return whether a difference's interval lies wholly on the better side of zero."""
    return difference.low > 0 if higher_is_better(metric) else difference.high < 0


def is_worse(metric: str, difference: Interval) -> bool:
    """Return whether a difference's interval lies wholly on the worse side of zero."""
    return difference.high < 0 if higher_is_better(metric) else difference.low > 0
