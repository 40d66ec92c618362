"""A personalization task: how inputs become prompts, which outputs are allowed, what is measured.

The benchmark's own wording and item fields: method section 5 (LaMP, arXiv 2304.11406).
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from components.config import Config
from components.tasks.templates import check_readable, match_template, name_fields

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
        description="The LLM's input in the benchmark's words, around {payload} or several fields."
    )
    payload_template: str = Field(
        "{payload}", description="What the input encoder reads, of the fields of the prompt."
    )
    input_field: str = Field(description="Field of a history item that holds its input text.")
    output_field: str | None = Field(
        None, description="Field of a history item that holds its output, where there is one."
    )
    history_template: str = Field(
        description="How the history encoder reads an item, e.g. 'score: {score} review: {review}'."
    )
    plain_history_template: str | None = Field(
        None,
        description="The same without the output; none if items have none.",
    )
    show_outputs: bool = Field(
        True, description="Whether the history encoder reads the items' outputs too."
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
    def item_template(self) -> str:
        """The history template in use: with the items' outputs, or without."""
        if self.show_outputs or self.plain_history_template is None:
            return self.history_template
        return self.plain_history_template

    @property
    def unlabelled_template(self) -> str | None:
        """The template of an item without an output; none if the task can't show such an item."""
        if self.output_field in self.history_fields:
            return self.plain_history_template
        return self.item_template

    @property
    def history_fields(self) -> tuple[str, ...]:
        """The item fields that the template in use names, each once."""
        return name_fields(self.item_template)

    def render_item(self, fields: dict[str, str]) -> str:
        """Render a history item's fields as the text that the history encoder reads."""
        return self.item_template.format_map(fields)

    def render_prompt(self, payload: str) -> str:
        """Put a payload into the task's words: the LLM's whole input.

        Raises:
            ValueError: If the payload is not worded like the payload template.
        """
        fields = match_template(self.payload_template, payload)
        if fields is None:
            raise ValueError(
                f"task {self.name}: an input must be worded like {self.payload_template!r}"
            )
        return self.prompt.format_map(fields)

    def extract_payload(self, text: str) -> str | None:
        """Return what the input encoder reads of a whole input, None if it is worded otherwise."""
        fields = match_template(self.prompt, text)
        return None if fields is None else self.payload_template.format_map(fields)

    def guess_payload(self, text: str) -> str:
        """Return what stands behind the prompt's last word before a field ("review:"), else all."""
        first = f"{{{name_fields(self.prompt)[0]}}}"
        words = self.prompt.partition(first)[0].split()
        if words and words[-1].endswith(":") and words[-1] in text:
            return text.partition(words[-1])[2].strip()
        return text

    @model_validator(mode="after")
    def _check_prompt(self) -> Self:
        for field in ("prompt", "payload_template"):
            try:
                check_readable(getattr(self, field))
            except ValueError as err:
                raise ValueError(f"{field} {err}") from err
        named, read = name_fields(self.prompt), name_fields(self.payload_template)
        if set(named) != set(read):
            raise ValueError(
                f"prompt names {list(named)}, but payload_template {list(read)}; "
                "they must name the same fields"
            )
        return self

    @model_validator(mode="after")
    def _check_history_templates(self) -> Self:
        for field in ("history_template", "plain_history_template"):
            template = getattr(self, field)
            names = () if template is None else name_fields(template)
            if template is not None and not (
                names and all(name and not set(name) & set(".[]") for name in names)
            ):
                raise ValueError(
                    f"{field} must name item fields, like {{{self.input_field}}}: {template!r}"
                )
            if field == "plain_history_template" and self.output_field in names:
                raise ValueError(f"{field} shows the output {self.output_field!r}: {template!r}")
        if not self.show_outputs and self.output_field in self.history_fields:
            raise ValueError(
                f"show_outputs is false, but history_template shows {self.output_field!r} and "
                "there is no plain_history_template"
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


def _ascend(labels: tuple[str, ...]) -> bool:
    try:
        numbers = [float(label) for label in labels]
    except ValueError:
        return False
    return numbers == sorted(set(numbers))
