"""A personalization task: how inputs become prompts, which outputs are allowed, what is measured.

The benchmark's own wording and item fields: method section 5 (LaMP, arXiv 2304.11406).
"""

from string import Formatter
from typing import Literal, Self

from pydantic import Field, model_validator

from components.config import Config

Kind = Literal["classification", "ordinal", "text"]
Metric = Literal["accuracy", "macro_f1", "mae", "rmse", "rouge_1", "rouge_l"]

METRICS: dict[Kind, tuple[Metric, ...]] = {
    "classification": ("accuracy", "macro_f1"),
    "ordinal": ("mae", "rmse"),
    "text": ("rouge_1", "rouge_l"),
}
"""Metrics of each kind of task, the primary one first."""


class Task(Config):
    """One task: built in (`components.tasks.lamp`) or described in full by a run's YAML."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        description="The task's name; the registered model is persona-plug-<name>.",
    )
    kind: Kind = Field(
        description="classification (labels without order), ordinal (labels are numbers) or text."
    )
    labels: tuple[str, ...] = Field(
        (), description="Outputs that are allowed, for ordinal ones ascending; none for text."
    )
    prompt: str = Field(
        description="The LLM's input in the benchmark's words, with one {payload} for the text."
    )
    input_field: str = Field(description="Field of a history item that holds its input text.")
    output_field: str | None = Field(
        None, description="Field of a history item that holds its output, where there is one."
    )
    history_template: str = Field(
        description="How the history encoder reads an item, e.g. 'score: {score} review: {text}'."
    )

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that fit the kind of task, the primary one first."""
        return METRICS[self.kind]

    @property
    def primary_metric(self) -> Metric:
        """The metric that decides."""
        return self.metrics[0]

    @property
    def history_fields(self) -> tuple[str, ...]:
        """The item fields that the history template names, each once."""
        return _template_fields(self.history_template)

    def render_prompt(self, payload: str) -> str:
        """Put an input text into the task's words: the LLM's whole input."""
        return self.prompt.format(payload=payload)

    def render_item(self, fields: dict[str, str]) -> str:
        """Render a history item's fields as the text that the history encoder reads."""
        return self.history_template.format_map(fields)

    @model_validator(mode="after")
    def _check_templates(self) -> Self:
        if _template_fields(self.prompt) != ("payload",) or self.prompt.count("{payload}") != 1:
            raise ValueError(f"prompt must name {{payload}} once and nothing else: {self.prompt!r}")
        fields = self.history_fields
        if not fields or not all(name and not set(name) & set(".[]") for name in fields):
            raise ValueError(
                f"history_template must name item fields, like {{{self.input_field}}}: "
                f"{self.history_template!r}"
            )
        return self

    @model_validator(mode="after")
    def _check_labels(self) -> Self:
        if self.kind == "text":
            if self.labels:
                raise ValueError(f"a text task has no labels; got {list(self.labels)}")
            return self
        if len(self.labels) < 2 or len(set(self.labels)) < len(self.labels):
            raise ValueError(
                f"a task of kind {self.kind} needs two or more different labels; "
                f"got {list(self.labels)}"
            )
        if self.kind == "ordinal" and not _ascend(self.labels):
            raise ValueError(f"ordinal labels must be ascending numbers; got {list(self.labels)}")
        return self


def _template_fields(template: str) -> tuple[str, ...]:
    names = (name for _, name, _, _ in Formatter().parse(template) if name is not None)
    return tuple(dict.fromkeys(names))


def _ascend(labels: tuple[str, ...]) -> bool:
    try:
        numbers = [float(label) for label in labels]
    except ValueError:
        return False
    return numbers == sorted(set(numbers))
