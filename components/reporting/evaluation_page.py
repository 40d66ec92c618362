"""The evaluation as one self-contained HTML page: no network, no script, no text of a user."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from components.evaluation.evaluation import Evaluation
from components.evaluation.metrics import higher_is_better
from components.reporting.figures import Curves, draw_arms, draw_curves
from components.reporting.verdict import write_verdict
from components.reporting.wording import (
    ARM_WORDS,
    DIFFERENCE_PREFIX,
    JUDGE_WORDS,
    METRIC_WORDS,
    PERSONA,
    format_figure,
    format_note,
    format_range,
    format_signed,
    judge_difference,
)

TEMPLATES = Path(__file__).parent / "templates"


def render_evaluation_page(
    evaluation: Evaluation, training_curves: Curves, versions: Mapping[str, str]
) -> str:
    """Render the page.

    Args:
        evaluation: What was measured and, once it has been, decided.
        training_curves: By arm, points with step, and loss or dev_loss or both; may be empty.
        versions: Names of parts (LLM, encoder, weights, code, data) to versions or hashes.

    Returns:
        The HTML, with styles and figures inside.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("evaluation_page.html")
    return template.render(
        evaluation=evaluation,
        verdict=write_verdict(evaluation),
        metrics=_describe_metrics(evaluation),
        arms=_list_arms(evaluation),
        limits=_list_limits(evaluation),
        differences=_list_differences(evaluation),
        arms_figure=_mark_safe(draw_arms(evaluation)),
        curves_figure=_mark_safe(draw_curves(training_curves)) if training_curves else None,
        versions=versions,
        notes={name: format_note(note) for name, note in evaluation.notes.items()},
    )


def _mark_safe(drawings: Mapping[str, str]) -> dict[str, Markup]:
    """Let SVG into the page as it is; matplotlib has escaped the texts in it."""
    return {name: Markup(svg) for name, svg in drawings.items()}


def _describe_metrics(evaluation: Evaluation) -> list[dict[str, str]]:
    return [
        {
            "key": metric,
            "name": METRIC_WORDS[metric].name,
            "name_within": METRIC_WORDS[metric].name_within,
            "unit": METRIC_WORDS[metric].unit,
            "arrow": "\N{UPWARDS ARROW}" if higher_is_better(metric) else "\N{DOWNWARDS ARROW}",
            "better": "higher is better" if higher_is_better(metric) else "lower is better",
        }
        for metric in next(iter(evaluation.arms.values()))
    ]


def _list_arms(evaluation: Evaluation) -> list[dict[str, Any]]:
    return [
        {
            "name": arm,
            "words": ARM_WORDS.get(arm, ""),
            "is_persona": arm == PERSONA,
            "cells": [(format_figure(cell.mean), format_range(cell)) for cell in figures.values()],
        }
        for arm, figures in evaluation.arms.items()
    ]


def _list_limits(evaluation: Evaluation) -> list[dict[str, Any]]:
    metrics = next(iter(evaluation.arms.values()))
    return [
        {
            "name": judge,
            "words": JUDGE_WORDS[judge],
            "cells": [
                format_figure(figures[metric]) if metric in figures else "not known"
                for metric in metrics
            ],
        }
        for judge, figures in evaluation.limits.items()
    ]


def _list_differences(evaluation: Evaluation) -> list[dict[str, Any]]:
    return [
        {
            "name": name.removeprefix(DIFFERENCE_PREFIX),
            "cells": [
                (format_signed(cell.mean), format_range(cell, True), judge_difference(metric, cell))
                for metric, cell in figures.items()
            ],
        }
        for name, figures in evaluation.differences.items()
    ]
