"""Rows of the evaluation page's tables: figures put into words, ready for the template."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from components.evaluation.evaluation import (
    Evaluation,
    Figures,
    Interval,
    Slice,
    UserOutcomes,
)
from components.evaluation.metrics import higher_is_better
from components.lineage.drift import MEASURE_WORDS, DriftMeasure, DriftReport
from components.promotion.config import INCUMBENTS
from components.promotion.registry_records import PastDecision
from components.reporting.figures.history_gain import HISTORY_PREFIX, list_history_slices
from components.reporting.wording import (
    ARM_WORDS,
    CONTROL,
    DIFFERENCE_PREFIX,
    JUDGE_WORDS,
    METRIC_WORDS,
    PERSONA,
    SLICE_WORDS,
    format_bytes,
    format_figure,
    format_range,
    format_seconds,
    format_share,
    format_signed,
    judge_difference,
)
from components.tasks.task import Metric

UNKNOWN = "\N{EN DASH}"
DRIFT_TONES = {"stable": "good", "drifted": "bad", "not_comparable": "quiet"}
MEASURE_UNITS = {
    "items_per_user": "gap of the curves, 0 to 1",
    "text_length": "gap of the curves, 0 to 1",
    "label_shares": "share that changed label, 0 to 1",
    "vector_mean": "in units of the vectors' spread",
}
TONES = {"better": "good", "worse": "bad"}
Row = dict[str, Any]


class Cell(NamedTuple):
    """A figure, its interval and, for a difference, what it shows with its colour."""

    mean: str
    range: str
    judged: str = ""
    tone: str = ""


def describe_metrics(evaluation: Evaluation) -> list[Row]:
    """Return names, units and directions of the metrics, the primary one first."""
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


def list_arms(arms: Figures) -> list[Row]:
    """Return every arm with its figures."""
    return [
        {
            "name": arm,
            "words": ARM_WORDS.get(arm, ""),
            "is_persona": arm == PERSONA,
            "cells": [write_interval(cell) for cell in figures.values()],
        }
        for arm, figures in arms.items()
    ]


def list_limits(evaluation: Evaluation) -> list[Row]:
    """Return what ideal judges reach."""
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


def list_differences(differences: Figures) -> list[Row]:
    """Return persona minus every other arm."""
    return [
        {
            "name": name.removeprefix(DIFFERENCE_PREFIX),
            "cells": [write_difference(metric, cell) for metric, cell in figures.items()],
        }
        for name, figures in differences.items()
    ]


def list_slices(evaluation: Evaluation) -> list[Row]:
    """Return the slices that `draw_history_gain` doesn't draw, with the primary metric."""
    drawn = {f"{HISTORY_PREFIX}{length}" for length in list_history_slices(evaluation)}
    return [
        {
            "name": name,
            "words": SLICE_WORDS.get(name, ""),
            "size": part,
            **_compare(part, evaluation.primary_metric),
        }
        for name, part in evaluation.slices.items()
        if name not in drawn
    ]


def list_samples(evaluation: Evaluation) -> list[Row]:
    """Return, for each arm that answered a sample, all arms on these questions."""
    metric = evaluation.primary_metric
    return [
        {
            "name": name,
            "size": part,
            "arms": [
                row | {"difference": _find_difference(part, row["name"], metric)}
                for row in list_arms(_keep_metric(part.arms, metric))
            ],
        }
        for name, part in evaluation.samples.items()
    ]


def list_costs(evaluation: Evaluation) -> list[Row]:
    """Return what every arm costs, beside its primary metric where it answered all questions."""
    metric = evaluation.primary_metric
    return [
        {
            "name": arm,
            "is_persona": arm == PERSONA,
            "figure": (
                format_figure(evaluation.arms[arm][metric].mean)
                if arm in evaluation.arms
                else UNKNOWN
            ),
            "cells": [
                _write_known(format_seconds, cost.seconds_per_question),
                _write_known("{:,.0f}".format, cost.tokens_per_question),
                _write_known(format_bytes, cost.bytes_per_user),
                _write_known(format_seconds, cost.training_seconds_per_user),
            ],
        }
        for arm, cost in evaluation.costs.items()
    ]


def list_outcomes(users: Mapping[str, UserOutcomes]) -> list[Row]:
    """Return how many users persona helps and harms against each arm."""
    return [
        {"name": arm, "outcome": outcome, "net": _write_net(outcome.net_harmed)}
        for arm, outcome in users.items()
    ]


def list_drift(measures: Sequence[DriftMeasure]) -> list[Row]:
    """Return every way in which today's data were compared with the champion's."""
    return [
        {
            "name": MEASURE_WORDS[measure.name],
            "unit": MEASURE_UNITS[measure.name],
            "distance": _write_known(format_figure, measure.distance),
            "threshold": format_figure(measure.threshold),
            "noise": _write_known("up to {:.3f}".format, measure.noise),
            **_judge_drift(measure),
        }
        for measure in measures
    ]


def list_drift_sizes(drift: DriftReport) -> list[Row]:
    """Return how large the compared data are."""
    both = (("The champion's", drift.champion), ("Today's", drift.today))
    return [
        {"whose": whose, **profile.model_dump(include={"num_users", "num_items", "newest_time"})}
        for whose, profile in both
        if profile is not None
    ]


def list_decisions(decisions: Sequence[PastDecision]) -> list[Row]:
    """Return what became of the registered versions, the newest first."""
    return [
        {
            "version": past.version,
            "registered": past.registered.isoformat(),
            "said": past.said,
            "tone": "good" if past.promoted else "quiet",
            **{
                arm: _write_known(format_figure, past.figures.get(arm))
                for arm in (PERSONA, *INCUMBENTS)
            },
        }
        for past in reversed(decisions)
    ]


def write_interval(figure: Interval) -> Cell:
    """Write a figure with its interval."""
    return Cell(format_figure(figure.mean), format_range(figure))


def write_difference(metric: Metric, difference: Interval) -> Cell:
    """Write a difference with its interval and what it shows."""
    judged = judge_difference(metric, difference)
    return Cell(
        format_signed(difference.mean),
        format_range(difference, signed=True),
        judged,
        TONES.get(judged, "quiet"),
    )


def describe_seeds(seeds: Mapping[str, Mapping[Metric, Interval]], metric: Metric) -> str:
    """Say between which values the primary metric lies over the training seeds."""
    means = [figures[metric].mean for figures in seeds.values()]
    name = METRIC_WORDS[metric].name_within
    return (
        f"Over {len(means)} training seeds, persona's {name} is {format_figure(min(means))} to "
        f"{format_figure(max(means))}, {format_figure(sum(means) / len(means))} on average."
    )


def _compare(part: Slice, metric: Metric) -> Row:
    names = (PERSONA, CONTROL)
    cells = [_find_figure(part.arms, name, metric) for name in names]
    return {"cells": cells, "difference": _find_difference(part, CONTROL, metric)}


def _find_figure(arms: Figures, arm: str, metric: Metric) -> Cell | None:
    return write_interval(arms[arm][metric]) if arm in arms else None


def _find_difference(part: Slice, arm: str, metric: Metric) -> Cell | None:
    figures = part.differences.get(f"{DIFFERENCE_PREFIX}{arm}")
    return write_difference(metric, figures[metric]) if figures else None


def _keep_metric(arms: Figures, metric: Metric) -> Figures:
    return {arm: {metric: figures[metric]} for arm, figures in arms.items()}


def _write_known(write: Callable[[float], str], value: float | None) -> str:
    return UNKNOWN if value is None else write(value)


def _judge_drift(measure: DriftMeasure) -> Row:
    status, tone = measure.status.replace("_", " "), DRIFT_TONES[measure.status]
    if measure.status == "stable" and (measure.distance or 0) > measure.threshold:
        status, tone = "may be chance", "quiet"
    return {"status": status, "tone": tone, "reason": measure.reason}


def _write_net(net: Interval | None) -> Cell | None:
    """Write harmed minus helped: harm is what one wants less of."""
    if net is None:
        return None
    low, high = (format_share(end, signed=True) for end in (net.low, net.high))
    ends = f"{low.removesuffix(' %')} to {high}"
    judged, tone = "not told apart", "quiet"
    if net.high < 0:
        judged, tone = "more helped than harmed", "good"
    elif net.low > 0:
        judged, tone = "more harmed than helped", "bad"
    return Cell(format_share(net.mean, signed=True), ends, judged, tone)
