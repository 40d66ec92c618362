"""Arms below each other, each with its interval; training seeds are drawn alike."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from components.evaluation.evaluation import Evaluation, Interval, Judge
from components.evaluation.metrics import higher_is_better
from components.reporting.figures.canvas import (
    ACCENT,
    INK,
    LIMIT,
    Drawings,
    draw_both,
    draw_grid,
    open_panels,
)
from components.reporting.wording import METRIC_WORDS, PERSONA, format_figure
from components.tasks.task import Metric

LIMIT_NEIGHBORS: dict[Judge, Judge] = {
    "without_user": "bayes",
    "bayes": "oracle",
    "oracle": "bayes",
}
LIMIT_NAMES = {"without_user": "no user", "bayes": "Bayes", "oracle": "oracle"}
LIMIT_LINE: dict[str, Any] = {"color": LIMIT, "lw": 1.2, "ls": (0, (4, 3)), "zorder": 1}
LIMIT_TOP = -1.0
ROW_HEIGHT = 0.3


def draw_arms(evaluation: Evaluation) -> Drawings:
    """Draw every metric's arms with their intervals, and the limits as lines."""
    return _draw_rows("arms", evaluation.arms, evaluation.limits)


def draw_seeds(seeds: Mapping[str, Mapping[Metric, Interval]]) -> Drawings:
    """Draw persona's figures by training seed."""
    rows = {f"seed {seed}": figures for seed, figures in seeds.items()}
    return _draw_rows("seeds", rows, {})


def _draw_rows(
    name: str,
    rows: Mapping[str, Mapping[Metric, Interval]],
    limits: Mapping[Judge, Mapping[Metric, float]],
) -> Drawings:
    metrics = list(next(iter(rows.values())))
    height = 1.0 + ROW_HEIGHT * (len(rows) + (1.4 if limits else 0.6))

    def draw(is_wide: bool) -> Figure:
        figure, axes = open_panels(is_wide, len(metrics), height, sharey=is_wide)
        for axis, metric in zip(axes, metrics, strict=True):
            known = {judge: values[metric] for judge, values in limits.items() if metric in values}
            _draw_metric(axis, {row: cells[metric] for row, cells in rows.items()}, metric)
            _draw_limits(axis, known, len(rows))
            axis.set_ylim(len(rows) - 0.4, -1.4 if limits else -0.6)
        return figure

    return draw_both(name, draw)


def _draw_metric(axis: Axes, rows: Mapping[str, Interval], metric: Metric) -> None:
    for row, (name, figure) in enumerate(rows.items()):
        is_persona = name == PERSONA
        color, size = (ACCENT, 8) if is_persona else (INK, 6)
        line = 3.2 if is_persona else 1.6
        axis.plot(
            [figure.low, figure.high], [row, row], color=color, lw=line, solid_capstyle="butt"
        )
        axis.plot([figure.mean], [row], "o", color=color, markersize=size)
        axis.annotate(
            format_figure(figure.mean),
            (1.02, row),
            xycoords=("axes fraction", "data"),
            va="center",
            color=color,
            weight="bold" if is_persona else "normal",
        )
    axis.margins(x=0.1)
    axis.set_yticks(range(len(rows)), list(rows))
    axis.tick_params(axis="y", length=0, labelcolor=INK)
    axis.spines["left"].set_visible(False)
    axis.xaxis.set_major_locator(MaxNLocator(5))
    draw_grid(axis, "x")
    better = "higher is better \N{RIGHTWARDS ARROW}"
    if not higher_is_better(metric):
        better = "\N{LEFTWARDS ARROW} lower is better"
    words = METRIC_WORDS[metric]
    axis.set_title(words.name)
    axis.set_xlabel(f"{words.unit}\n{better}")


def _draw_limits(axis: Axes, limits: Mapping[Judge, float], num_rows: int) -> None:
    """Draw what ideal judges reach as dashed lines, each name on the side away from the next."""
    for judge, value in limits.items():
        is_right = value >= limits.get(LIMIT_NEIGHBORS[judge], value)
        axis.plot([value, value], [num_rows - 0.4, LIMIT_TOP], **LIMIT_LINE)
        axis.annotate(
            LIMIT_NAMES[judge],
            (value, LIMIT_TOP),
            xytext=(3 if is_right else -3, 0),
            textcoords="offset points",
            ha="left" if is_right else "right",
            va="center",
            fontsize=8,
            color=LIMIT,
        )
