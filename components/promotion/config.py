"""Settings of the promotion rules: what a candidate has to show before it becomes champion."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from components.config import Config
from components.encoders.config import REFERENCE, EncoderConfig
from components.evaluation.config import ArmName
from components.evaluation.evaluation import MIN_USERS
from components.evaluation.evidence import ALL


def _refuse_persona(arm: str) -> str:
    if arm == "persona":
        raise ValueError("persona is what is judged: it is not compared with itself")
    return arm


INCUMBENTS = ("champion", "reference")
"""Arms that are registered models: today's champion, and the one that a person pinned."""

OtherArm = Annotated[
    ArmName | Literal["champion", "reference"],
    AfterValidator(_refuse_persona),
    Field(description="The arm; champion and reference are arms too."),
]
SHORT_HISTORIES = ("history_0", "history_1", "history_4")
"""Slices in which a candidate must not lose much, whatever it gains on average."""


class _Rule(Config):
    """What every rule has."""

    kind: str = Field(description="What is asked.")
    name: str | None = Field(None, description="How reports call it; by what it asks if not given.")
    if_not_evaluated: Literal["refuse", "pass_by"] = Field(
        "refuse", description="What becomes of a candidate when there is nothing to judge it by."
    )

    @property
    def title(self) -> str:
        """How reports call it."""
        return self.name or self.default_name

    @property
    def default_name(self) -> str:
        """How it is called by what it asks."""
        return self.kind


class _Test(_Rule):
    """What every statistical test has."""

    min_users: int = Field(
        MIN_USERS,
        ge=2,
        description=(
            "With fewer users it is not evaluated: a bootstrap over a handful hardly varies, two "
            "users with the same gain give an interval without any width."
        ),
    )


class _Comparison(_Test):
    """persona against another arm, by the task's primary metric."""

    slice: str = Field(
        ALL,
        pattern=r"^(all|history_(all|\d+)|known_users|new_users|task:.+)$",
        description=(
            "Questions that are compared: all, history_N (histories cut to N items), history_all, "
            "known_users, new_users, task:NAME."
        ),
    )


class Superiority(_Comparison):
    """persona is surely better than an arm, by more than a margin."""

    kind: Literal["superiority"] = "superiority"
    over: OtherArm
    margin_share: float = Field(
        0.0, ge=0, lt=1, description="Margin, as a share of the other arm's value of the metric."
    )

    @property
    def default_name(self) -> str:
        """How it is called by what it asks."""
        return f"better_than_{self.over}" + _where(self.slice)


class NonInferiority(_Comparison):
    """persona is surely less than a margin worse than an arm."""

    kind: Literal["non_inferiority"] = "non_inferiority"
    to: OtherArm
    margin_share: float = Field(
        0.01, ge=0, lt=1, description="Margin, as a share of the other arm's value of the metric."
    )

    @property
    def default_name(self) -> str:
        """How it is called by what it asks."""
        return f"not_worse_than_{self.to}" + _where(self.slice)


class NetHarm(_Test):
    """Not many more users are harmed than helped."""

    kind: Literal["net_harm"] = "net_harm"
    over: OtherArm
    min_questions: int = Field(5, ge=1, description="Users with fewer questions are not counted.")
    min_users: int = Field(
        72,
        ge=2,
        description=(
            "With fewer counted users it is not evaluated. By default so many that, if 5 % of all "
            "users were harmed, a sample without a harmed one would come up in 2.5 % of cases."
        ),
    )
    max_share: float = Field(
        0.05,
        ge=-1,
        lt=1,
        description=(
            "The share of users harmed minus the share helped is surely below this; 0 asks for "
            "surely more users helped than harmed."
        ),
    )

    @property
    def default_name(self) -> str:
        """How it is called by what it asks."""
        return f"no_net_harm_over_{self.over}"


Test = Annotated[Superiority | NonInferiority | NetHarm, Field(discriminator="kind")]
"""A rule that is a statistical test."""


class AnyOf(_Rule):
    """At least one of several tests passes, each at a level that allows for their number (Holm)."""

    kind: Literal["any_of"] = "any_of"
    rules: tuple[Test, ...] = Field(min_length=2, description="The alternatives.")

    @property
    def default_name(self) -> str:
        """How it is called by what it asks."""
        return "_or_".join(rule.title for rule in self.rules)


class ReproducesPredictions(_Rule):
    """The registered artifact, alone in a fresh process, answers as was evaluated."""

    kind: Literal["reproduces_predictions"] = "reproduces_predictions"
    min_share: float = Field(
        0.98,
        gt=0,
        le=1,
        description=(
            "Least share of equal answers. Below 1, because an answer whose two best labels are "
            "as good as equal may turn with the batch that it is computed in."
        ),
    )


class Latency(_Rule):
    """The registered artifact is fast enough."""

    kind: Literal["latency"] = "latency"
    max_p95_seconds: float = Field(
        10.0,
        gt=0,
        description=(
            "Budget of 95 % of the questions, asked one by one on the machine that evaluates, the "
            "user's history encoded anew each time."
        ),
    )


class Size(_Rule):
    """The registered artifact is small enough."""

    kind: Literal["size"] = "size"
    max_bytes: int = Field(
        2**30, gt=0, description="Budget of plug-in, settings and code; the LLM is not counted."
    )


class Inversion(_Rule):
    """Stolen vectors surely tell little of their texts; no rule unless it is listed."""

    kind: Literal["inversion"] = "inversion"
    max_rate: float = Field(
        ge=0,
        le=1,
        description=(
            "Most of the canaries' secret words, as a share, that the trained inverter recovers "
            "from vectors in the clear."
        ),
    )


Rule = Annotated[
    Superiority
    | NonInferiority
    | NetHarm
    | AnyOf
    | ReproducesPredictions
    | Latency
    | Size
    | Inversion,
    Field(discriminator="kind"),
]

DEFAULT_RULES: tuple[Rule, ...] = (
    Superiority(over="instruction_only"),
    Superiority(over="shuffled"),
    NonInferiority(to="champion"),
    NonInferiority(to="reference"),
    *(NonInferiority(to="instruction_only", slice=s, margin_share=0.1) for s in SHORT_HISTORIES),
    *(NonInferiority(to="champion", slice=s, margin_share=0.05) for s in SHORT_HISTORIES),
    *(NonInferiority(to="reference", slice=s, margin_share=0.05) for s in SHORT_HISTORIES),
    NetHarm(over="instruction_only", if_not_evaluated="pass_by"),
    ReproducesPredictions(),
    Latency(),
    Size(),
)


class PromotionConfig(Config):
    """What it takes to become champion: every rule has to hold."""

    rules: tuple[Rule, ...] = Field(
        DEFAULT_RULES, min_length=1, description="The rules; a list replaces the default one."
    )
    replace_incomparable: bool = Field(
        False,
        description=(
            "Whether a candidate may pass by a champion or reference that cannot answer its "
            "questions, as after a change of the history template. Else it is refused. A reference "
            "that was passed by is replaced too."
        ),
    )

    def for_encoder(self, encoder: EncoderConfig) -> Self:
        """Return the rules for a run's encoder.

        Another back end than float32 on torch must not cost more than a margin of the metric.
        """
        if encoder.back_end == REFERENCE:
            return self
        rule = NonInferiority(to="persona_float32")
        if rule.title in {known.title for known in self.rules}:
            return self
        return self.model_copy(update={"rules": (*self.rules, rule)})

    @model_validator(mode="after")
    def _has_a_title_for_each(self) -> Self:
        titles = [rule.title for rule in self.rules]
        for title in titles:
            if titles.count(title) > 1:
                raise ValueError(f"rules: two are called {title}; give one a name of its own")
        return self


def _where(name: str) -> str:
    return "" if name == ALL else f"_in_{name}"
