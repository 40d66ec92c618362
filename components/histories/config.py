"""Settings of where users' histories come from and how they become questions."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from components.config import Config
from components.histories.simulator_config import SimulatorConfig


class QuestionConfig(Config):
    """How many questions and how much history are kept, whatever the source."""

    max_history_items: int = Field(
        512, ge=1, description="Most items of a question's history; the latest are kept."
    )
    max_train_questions: int | None = Field(
        None,
        ge=1,
        description=(
            "Most train questions, a seeded sample, or with `split_by: date` the newest; all if "
            "not given."
        ),
    )
    max_dev_questions: int | None = Field(
        None, ge=1, description="Most dev questions, a seeded sample; all if not given."
    )
    max_test_questions: int | None = Field(
        None, ge=1, description="Most test questions, a seeded sample; all if not given."
    )


class LampConfig(QuestionConfig):
    """A folder in LaMP's layout."""

    folder: Path = Field(
        description=(
            "Folder with {split}_questions.json and {split}_outputs.json (plain or .gz) for train, "
            "dev and test, directly or in a folder named after the split."
        )
    )


class TimelineConfig(QuestionConfig):
    """How users' events in time become questions of three splits."""

    drop_labels: tuple[str, ...] = Field(
        (), description="Labels whose events are left out, before anything is counted."
    )
    min_events: int = Field(10, ge=1, description="Users with fewer events are left out.")
    split_by: Literal["time", "date", "user"] = Field(
        "time",
        description=(
            "time: the end of each user's timeline is held out; date: what happened last, by one "
            "date for all users; user: whole users."
        ),
    )
    test_share: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="Share of each user's events, of all, or (on average) of the users, for test.",
    )
    dev_share: float = Field(
        0.1, ge=0, lt=1, description="Share of what test leaves over that goes to dev."
    )
    min_history_items: int = Field(
        1, ge=0, description="Train questions with fewer earlier items are left out."
    )


class EventColumns(Config):
    """Which columns of an event mean what."""

    user: str = Field("user_id", description="Column with the user's id.")
    time: str = Field(
        "timestamp", description="Column with the event's time: ISO 8601, a year or Unix seconds."
    )
    item_id: str | None = Field(
        None, description="Column with an id unique within the user; else the row number serves."
    )
    input: str = Field(description="Column with the input text.")
    output: str = Field(description="Column with the output: the label or text to be predicted.")


class InteractionsConfig(TimelineConfig, EventColumns):
    """Files of events, one a row."""

    path: Path = Field(
        description=(
            "File of events: .jsonl or .csv (also .gz), or .parquet. Or a folder, or how the paths "
            "of several files begin (events/2026-): these are read by name, as if they were one."
        )
    )


class StoreSourceConfig(TimelineConfig):
    """The persona store as a source; where it lies and whose it is, the section `personas` says."""

    fingerprint: str | None = Field(
        None,
        description="Which encoder's items are read; if not given, the tenant's only ones. After a "
        "change of encoder it names the one before, under which the items still are.",
    )


class DataConfig(Config):
    """Where the histories come from."""

    source: Literal["simulator", "lamp", "interactions", "store"] = Field(
        "simulator", description="Which of the sections below is read."
    )
    simulator: SimulatorConfig = Field(
        default_factory=SimulatorConfig, description="Simulated users with latent tastes."
    )
    split_seed: int = Field(
        0,
        description=(
            "Seeds splits by user and samples of questions, apart from the run's seed: runs of "
            "several seeds share one split. With another one, or other shares, users come into "
            "test on whom a kept LLM or the champion may have been trained."
        ),
    )
    lamp: LampConfig | None = Field(None, description="A folder in LaMP's layout.")
    interactions: InteractionsConfig | None = Field(None, description="A file of events.")
    store: StoreSourceConfig = Field(
        default_factory=StoreSourceConfig, description="What the persona store holds."
    )

    @model_validator(mode="after")
    def _has_source(self) -> Self:
        if getattr(self, self.source) is None:
            raise ValueError(f"source is {self.source!r}, but there is no section {self.source!r}")
        return self

    @property
    def timeline(self) -> TimelineConfig | None:
        """How events become questions, of a source that has events."""
        return {"interactions": self.interactions, "store": self.store}.get(self.source)

    @property
    def is_dated(self) -> bool:
        """Whether questions are held out by their time, so that newer ones are asked later."""
        return self.timeline is not None and self.timeline.split_by != "user"

    @property
    def is_complete(self) -> bool:
        """Whether every item of the source is kept, those of users with few events too."""
        return self.timeline is None or self.timeline.min_events == 1

    def of_all_users(self) -> Self:
        """Return the settings that leave out no user who has few events."""
        if self.timeline is None:
            return self
        everybody = self.timeline.model_copy(update={"min_events": 1})
        return self.model_copy(update={self.source: everybody})
