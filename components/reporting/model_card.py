"""The model card of one registered user embedder, in Markdown."""

from collections.abc import Mapping, Sequence

from pydantic import Field

from components.config import Config
from components.evaluation.evaluation import (
    CONTROLS,
    Evaluation,
    Interval,
    Reason,
    Slice,
)
from components.evaluation.metrics import higher_is_better
from components.reporting.verdict import write_decision, write_verdict
from components.reporting.wording import (
    ARM_WORDS,
    CONTROL,
    DIFFERENCE_PREFIX,
    JUDGE_WORDS,
    METRIC_WORDS,
    STATUS_WORDS,
    format_figure,
    format_range,
    format_signed,
    judge_difference,
)
from components.tasks.task import Metric, Task


class ModelFacts(Config):
    """What a card says of a model beside its figures."""

    name: str = Field(description="The registered model, persona-plug-<task>.")
    version: str = Field(description="Its version in the registry.")
    alias: str | None = Field(
        None, description="The alias to load it by; none for the version, which never moves."
    )
    counts: dict[str, int] = Field(
        {}, description="Sizes of the data by name, e.g. train questions, train users, items."
    )
    versions: dict[str, str] = Field(
        {}, description="Parts (LLM, encoder, weights, code) with revisions and content hashes."
    )


def render_model_card(evaluation: Evaluation, task: Task, facts: ModelFacts) -> str:
    """Render the card.

    Args:
        evaluation: The model's figures and, once it has been made, the decision.
        task: What the model does.
        facts: Its name, data and versions.

    Returns:
        Markdown. It holds figures, names and hashes, and no text of a user.
    """
    sections = [
        _write_head(evaluation, task, facts),
        "## Data\n\n" + _write_table(("what", "number"), _count_rows(evaluation, facts)),
        "## Figures\n\n" + _write_figures(evaluation),
        "## Controls\n\n" + _write_controls(evaluation),
        "## Parts of the questions\n\n" + _write_slices(evaluation),
        "## Decision\n\n" + _write_decision(evaluation),
        "## Limits\n\n" + _write_limits(evaluation, task),
        "## Versions and hashes\n\n" + _write_table(("part", "version"), _quote(facts.versions)),
        "## How to load it\n\n" + _write_loading(facts),
    ]
    return "\n\n".join(sections) + "\n"


def _write_head(evaluation: Evaluation, task: Task, facts: ModelFacts) -> str:
    outputs = "a short text"
    if task.labels:
        outputs = "one of " + ", ".join(_code(label) for label in task.labels)
    return (
        f"# {facts.name} version {facts.version}\n\n"
        f"{write_verdict(evaluation)}\n\n"
        "A user embedder (PPlug, arXiv 2409.11901): it turns a user's history and an input into "
        "one persona embedding, which stands before the input of a frozen LLM.\n\n"
        f"- Task: {task.name} ({task.kind})\n"
        f"- Prompt: {_code(task.prompt)}\n"
        f"- History item: {_code(task.item_template)}\n"
        f"- Output: {outputs}"
    )


def _count_rows(evaluation: Evaluation, facts: ModelFacts) -> list[tuple[str, ...]]:
    split = evaluation.split
    counts = facts.counts | {
        f"evaluated {split} questions": evaluation.num_questions,
        f"evaluated {split} users": evaluation.num_users,
    }
    return [(name, f"{number:,}") for name, number in counts.items()]


def _write_figures(evaluation: Evaluation) -> str:
    metrics = list(next(iter(evaluation.arms.values())))
    head = ("arm", *(_describe_metric(metric) for metric in metrics), "what it is")
    rows = [
        (
            arm,
            *(f"{format_figure(cell.mean)} ({format_range(cell)})" for cell in figures.values()),
            ARM_WORDS.get(arm, ""),
        )
        for arm, figures in evaluation.arms.items()
    ]
    for judge, values in evaluation.limits.items():
        cells = (format_figure(values[m]) if m in values else "not known" for m in metrics)
        rows.append((judge, *cells, JUDGE_WORDS[judge]))
    newest = evaluation.newer_than
    after = "" if newest is None else f" after {newest:%Y-%m-%d %H:%M:%S} UTC"
    lines = [
        f"On {evaluation.num_questions:,} {evaluation.split} questions{after} of "
        f"{evaluation.num_users:,} users; in brackets 95 % intervals from a bootstrap that "
        "resamples users.",
        _write_table(head, rows),
    ]
    for metric, closed in evaluation.gap_closed.items():
        lines.append(
            f"persona closes {closed.mean:.0%} ({closed.low:.0%} to {closed.high:.0%}) of the gap "
            f"from without_user to bayes in {METRIC_WORDS[metric].name_within}."
        )
    return "\n\n".join(lines)


def _write_controls(evaluation: Evaluation) -> str:
    if not evaluation.differences:
        return "No other arm was evaluated."
    metrics = list(next(iter(evaluation.differences.values())))
    rows = [
        (
            name.removeprefix(DIFFERENCE_PREFIX),
            *(_write_difference(metric, cell) for metric, cell in figures.items()),
        )
        for name, figures in evaluation.differences.items()
    ]
    head = ("persona minus", *(_describe_metric(metric) for metric in metrics))
    return (
        "The same questions, paired. That it personalizes may be said only where persona beats "
        f"both {' and '.join(CONTROLS)}.\n\n{_write_table(head, rows)}"
    )


def _write_slices(evaluation: Evaluation) -> str:
    """Write persona against instruction_only by slice, on the primary metric."""
    if not evaluation.slices:
        return "None was evaluated apart."
    metric = evaluation.primary_metric
    rows: list[tuple[str, ...]] = [
        (name, f"{part.num_questions:,}", f"{part.num_users:,}", _write_gain(part, metric))
        for name, part in evaluation.slices.items()
    ]
    head = ("part", "questions", "users", f"persona minus {CONTROL}")
    return (
        f"{_describe_metric(metric)}. In history_4 the persona reads the four newest items.\n\n"
        f"{_write_table(head, rows)}"
    )


def _write_gain(part: Slice, metric: Metric) -> str:
    difference = part.differences.get(f"{DIFFERENCE_PREFIX}{CONTROL}")
    if difference is None:
        return "not evaluated"
    return _write_difference(metric, difference[metric])


def _write_difference(metric: Metric, cell: Interval) -> str:
    return (
        f"{format_signed(cell.mean)} ({format_range(cell, signed=True)}), "
        f"{judge_difference(metric, cell)}"
    )


def _write_decision(evaluation: Evaluation) -> str:
    decision = evaluation.decision
    if decision is None:
        return "Not judged yet."
    return "\n".join([write_decision(decision), "", *_list_reasons(decision.reasons)])


def _list_reasons(reasons: Sequence[Reason], indent: str = "") -> list[str]:
    lines = []
    for reason in reasons:
        lines.append(f"{indent}- {reason.rule}: {STATUS_WORDS[reason.status]}. {reason.sentence}")
        lines += _list_reasons(reason.parts, indent + "  ")
    return lines


def _write_limits(evaluation: Evaluation, task: Task) -> str:
    lines = [
        "- It answers with the LLM named below only: another LLM, or another revision of it, needs "
        "another user embedder.",
        f"- The figures hold for {task.name} and users like those of the {evaluation.split} split. "
        "A user without history gets a learned answer for unknown users.",
        "- A persona shows what is in the user's history, including what is sensitive or wrong in "
        "it; who may see a user's answers may learn about that history.",
    ]
    if task.kind == "text":
        lines.append("- ROUGE counts shared words; it says nothing of truth or style.")
    return "\n".join(lines)


def _write_loading(facts: ModelFacts) -> str:
    which = f"@{facts.alias}" if facts.alias else f"/{facts.version}"
    return (
        "```python\n"
        "import mlflow\n\n"
        f'model = mlflow.pyfunc.load_model("models:/{facts.name}{which}")\n'
        "print(model.input_example)  # a table of (history, input)\n"
        "answers = model.predict(model.input_example)\n"
        "```"
    )


def _describe_metric(metric: str) -> str:
    direction = "higher" if higher_is_better(metric) else "lower"
    return f"{METRIC_WORDS[metric].name} ({METRIC_WORDS[metric].unit}; {direction} is better)"


def _write_table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(_escape(cell) for cell in row) + " |" for row in lines)


def _escape(cell: str) -> str:
    return cell.replace("|", "\\|")


def _quote(values: Mapping[str, str]) -> list[tuple[str, ...]]:
    return [(name, _code(value)) for name, value in values.items()]


def _code(text: str) -> str:
    """Write text as inline code, on one line; two backticks where it holds one."""
    line = " ".join(text.split())
    return f"`` {line} ``" if "`" in line else f"`{line}`"
