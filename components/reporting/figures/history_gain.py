"""What persona gains by the number of history items that it may read."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.evaluation.evaluation import Evaluation, Slice
from components.evaluation.metrics import higher_is_better
from components.reporting.figures.canvas import (
    ACCENT,
    MUTED,
    Drawings,
    draw_both,
    draw_grid,
    open_figure,
)
from components.reporting.wording import CONTROL, DIFFERENCE_PREFIX, METRIC_WORDS
from components.tasks.task import Metric

HISTORY_PREFIX = "history_"


def list_history_slices(evaluation: Evaluation) -> dict[str, Slice]:
    """Return the slices by history length, 0, 1, ... and all, where both arms were evaluated."""
    found = {
        name.removeprefix(HISTORY_PREFIX): part
        for name, part in evaluation.slices.items()
        if name.startswith(HISTORY_PREFIX) and f"{DIFFERENCE_PREFIX}{CONTROL}" in part.differences
    }
    return dict(sorted(found.items(), key=lambda pair: (pair[0] == "all", len(pair[0]), pair[0])))


def draw_history_gain(evaluation: Evaluation) -> Drawings:
    """Draw persona's gain over instruction_only by history length, beside the champion's."""
    slices, metric = list_history_slices(evaluation), evaluation.primary_metric

    def draw(is_wide: bool) -> Figure:
        figure = open_figure(is_wide, 3.0)
        axis = figure.subplots()
        _draw_persona(axis, slices, metric)
        _draw_champion(axis, slices, metric)
        axis.axhline(0, color=MUTED, lw=1)
        labels = [f"{length}\nn = {part.num_questions:,}" for length, part in slices.items()]
        axis.set_xticks(range(len(slices)), labels, fontsize=9 if is_wide else 7)
        axis.set_xlim(-0.4, len(slices) - 0.6)
        axis.set_xlabel("history items read, the newest ones\nn: number of questions")
        axis.set_ylabel(f"gain in {METRIC_WORDS[metric].name_within}")
        draw_grid(axis, "y")
        axis.legend(loc="best", fontsize=8)
        return figure

    return draw_both("history gain", draw)


def _draw_persona(axis: Axes, slices: Mapping[str, Slice], metric: Metric) -> None:
    sign = 1 if higher_is_better(metric) else -1
    name = f"{DIFFERENCE_PREFIX}{CONTROL}"
    gains = [part.differences[name][metric] for part in slices.values()]
    for place, gain in enumerate(gains):
        ends = [sign * gain.low, sign * gain.high]
        axis.plot([place, place], ends, color=ACCENT, lw=2.4, solid_capstyle="butt")
    means = [sign * gain.mean for gain in gains]
    axis.plot(range(len(means)), means, "o-", color=ACCENT, lw=1.2, markersize=7, label="persona")


def _draw_champion(axis: Axes, slices: Mapping[str, Slice], metric: Metric) -> None:
    sign = 1 if higher_is_better(metric) else -1
    points = [
        (place, sign * (part.arms["champion"][metric].mean - part.arms[CONTROL][metric].mean))
        for place, part in enumerate(slices.values())
        if {"champion", CONTROL} <= set(part.arms)
    ]
    if points:
        style = {"color": MUTED, "lw": 1, "ls": (0, (4, 3)), "markersize": 4.5, "zorder": 1}
        axis.plot(*zip(*points, strict=True), marker="s", label="champion", **style)
