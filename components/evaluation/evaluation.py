"""What was measured and decided: the content of evaluation.json."""

from datetime import datetime
from typing import Literal, Self, get_args

from pydantic import Field, JsonValue, model_validator

from components.config import Config
from components.evaluation.config import ArmName
from components.evaluation.metrics import higher_is_better
from components.tasks.task import METRICS, Metric

ARMS = (*get_args(ArmName), "champion", "reference")
"""The known arms in the order of reports; method section 3 defines them."""

BASELINES = tuple(arm for arm in ARMS if arm != "persona")
"""Arms that persona is compared with, as `persona_vs_<arm>`."""

CONTROLS = ("instruction_only", "shuffled")
"""Arms that persona has to beat before anybody may say that it personalizes."""

MIN_USERS = 30
"""Of fewer nothing is concluded: a bootstrap over a handful hardly varies."""

Judge = Literal["bayes", "without_user", "oracle"]
"""Ideal judges: the posterior given the history, no knowledge of the user, the taste itself."""

Status = Literal["passed", "failed", "not_evaluated"]


class Interval(Config):
    """A figure with its two-sided 95 % interval from a bootstrap over users."""

    mean: float = Field(allow_inf_nan=False, description="The figure over all questions.")
    low: float = Field(allow_inf_nan=False, description="Its lower end.")
    high: float = Field(allow_inf_nan=False, description="Its upper end.")


Figures = dict[str, dict[Metric, Interval]]
"""Figures by arm (or difference) and metric."""


class Reason(Config):
    """What became of one rule of a decision."""

    rule: str = Field(description="The rule's name.")
    status: Status = Field(description="not_evaluated: there was nothing to judge it by.")
    blocks: bool = Field(description="Whether it stands in the way of a promotion.")
    sentence: str = Field(description="What was found, with figures.")
    parts: list["Reason"] = Field([], description="The alternatives of an `any_of`.")


class Decision(Config):
    """Whether the candidate becomes champion, and why."""

    promoted: bool = Field(description="Whether no rule stands in the way.")
    reasons: list[Reason] = Field(description="Every rule that was judged.")


class Slice(Config):
    """Figures on a part of the questions, or on all of them with less history.

    In the slice `history_4` of all questions, `persona` (and `champion`, `reference`) read the four
    newest items of each history; arms that read no history are what they are elsewhere.
    """

    num_questions: int = Field(ge=0, description="Number of questions; 0 for an empty slice.")
    num_users: int = Field(ge=0, description="Number of users who ask them.")
    arms: Figures = Field({}, description="Figures by arm and metric; none in an empty slice.")
    differences: Figures = Field({}, description="persona minus another arm, persona_vs_<arm>.")


class Cost(Config):
    """What an arm costs."""

    seconds_per_question: float | None = Field(
        None, ge=0, description="Wall seconds of answering, batched, on the evaluating machine."
    )
    tokens_per_question: float | None = Field(
        None, ge=0, description="Places of the LLM's input that are read, soft prompt included."
    )
    bytes_per_user: float | None = Field(
        None, ge=0, description="Bytes to be stored for one user, on average."
    )
    training_seconds_per_user: float | None = Field(
        None, ge=0, description="Wall seconds of training for one user; None for shared models."
    )


class UserOutcomes(Config):
    """Users whom persona helps or harms, compared with another arm, by the primary metric."""

    min_questions: int = Field(ge=1, description="Users with fewer questions are not counted.")
    helped: int = Field(ge=0, description="Users for whom persona is better on average.")
    harmed: int = Field(ge=0, description="Users for whom it is worse.")
    equal: int = Field(ge=0, description="Users for whom it is neither.")
    net_harmed: Interval | None = Field(
        None, description="Share harmed minus share helped; None where no user is counted."
    )
    edges: list[float] = Field(
        [], description="Edges of the bins of users' mean gain; a gain is good in every metric."
    )
    counts: list[int] = Field([], description="Users in each bin.")


class AttentionSummary(Config):
    """How the persona's weights are spread over the items of a history."""

    num_questions: int = Field(ge=0, description="Questions with two or more items.")
    mean_entropy: float = Field(
        ge=0,
        le=1,
        description="Mean entropy by the logarithm of the number of items: 1 is uniform.",
    )
    mean_null_weight: float = Field(ge=0, le=1, description="Mean weight of the null row.")
    edges: list[float] = Field(description="Edges of the bins of entropy, 0 to 1.")
    counts: list[int] = Field(description="Questions in each bin.")


class Evaluation(Config):
    """One candidate's figures on one split's questions."""

    schema_version: Literal[2] = Field(2, description="Version of this schema.")
    task: str = Field(description="The task's name.")
    split: str = Field(description="The split that the questions are from.")
    newer_than: datetime | None = Field(
        None, description="Only the split's questions after this time (UTC) were asked."
    )
    num_questions: int = Field(ge=1, description="Number of questions, the same for every arm.")
    num_users: int = Field(ge=1, description="Number of users who ask them.")
    arms: Figures = Field(description="Figures by arm and metric.")
    differences: Figures = Field(
        description="persona minus another arm, in the metric's unit, as persona_vs_<arm>."
    )
    limits: dict[Judge, dict[Metric, float]] = Field(
        {}, description="What ideal judges reach on these questions, where known."
    )
    gap_closed: dict[Metric, Interval] = Field(
        {}, description="Share of the gap from without_user to bayes that persona closes."
    )
    slices: dict[str, Slice] = Field(
        {},
        description=(
            "history_0, history_1, history_4, history_16, history_all; known_users, new_users; "
            "task:<name>."
        ),
    )
    samples: dict[str, Slice] = Field(
        {}, description="By arm that answered some users' questions only (per_user_lora): these."
    )
    seeds: dict[str, dict[Metric, Interval]] = Field(
        {}, description="persona's figures by training seed, where the config asks for several."
    )
    costs: dict[str, Cost] = Field({}, description="By arm.")
    users: dict[str, UserOutcomes] = Field({}, description="By the arm compared with.")
    attention: AttentionSummary | None = Field(None, description="None where nothing was weighed.")
    notes: dict[str, JsonValue] = Field(
        {}, description="What is worth knowing beside the figures, e.g. what user_statistics is."
    )
    decision: Decision | None = Field(None, description="None until the rules have judged.")

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
        """Whether "it personalizes" may be said: persona beats both controls, with enough users."""
        has_enough = self.num_users >= MIN_USERS
        return has_enough and all(self.persona_beats(arm) for arm in CONTROLS)

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


def place_arm(arm: str) -> tuple[int, str]:
    """Return an arm's place in reports: known ones first, others by name."""
    return (ARMS.index(arm) if arm in ARMS else len(ARMS), arm)
