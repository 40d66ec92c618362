"""Figures of the evaluation page: SVG that takes its colours from the page.

Colours are written as marks and become CSS variables, so that one figure fits a light and a dark
page. Each figure is drawn for a wide and for a narrow screen, since text in an SVG shrinks with it.
"""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from components.evaluation.evaluation import Evaluation, Judge
from components.evaluation.metrics import higher_is_better
from components.reporting.wording import METRIC_WORDS, PERSONA, format_figure
from components.tasks.task import Metric

Curves = Mapping[str, Sequence[Mapping[str, float]]]
"""Training curves by arm: points with step, and loss or dev_loss or both."""

INK, MUTED, RULE, ACCENT, LIMIT = "#010101", "#020202", "#030303", "#040404", "#050505"
VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    ACCENT: "var(--accent)",
    LIMIT: "var(--limit)",
}
WIDTHS = {"wide": 8.6, "narrow": 3.6}
"""Widths in inches; the page shows a hundred pixels an inch."""
DPI = 72
SETTINGS = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": RULE,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
LIMIT_NEIGHBORS: dict[Judge, Judge] = {
    "without_user": "bayes",
    "bayes": "oracle",
    "oracle": "bayes",
}
LIMIT_NAMES = {"without_user": "no user", "bayes": "Bayes", "oracle": "oracle"}
LIMIT_LINE: dict[str, Any] = {"color": LIMIT, "lw": 1.2, "ls": (0, (4, 3)), "zorder": 1}
LIMIT_TOP = -1.0
ROW_HEIGHT = 0.3


def draw_arms(evaluation: Evaluation) -> dict[str, str]:
    """Draw every metric's arms with their intervals, and the limits as lines; SVG by width."""
    metrics = list(next(iter(evaluation.arms.values())))
    height = 1.0 + ROW_HEIGHT * (len(evaluation.arms) + (1.4 if evaluation.limits else 0.6))
    drawings = {}
    for width_name, width in WIDTHS.items():
        is_wide = width_name == "wide"
        rows, columns = (1, len(metrics)) if is_wide else (len(metrics), 1)
        with mpl.rc_context(SETTINGS | {"svg.hashsalt": f"arms {width_name}"}):
            figure = Figure(figsize=(width, height * rows))
            figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
            axes = figure.subplots(rows, columns, squeeze=False, sharey=is_wide)
            for axis, metric in zip(axes.flat, metrics, strict=True):
                _draw_metric(axis, evaluation, metric)
            drawings[width_name] = _write_svg(figure)
    return drawings


def draw_curves(curves: Curves) -> dict[str, str]:
    """Draw every arm's training and dev loss over the steps, one panel an arm; SVG by width."""
    drawings = {}
    for width_name, width in WIDTHS.items():
        is_wide = width_name == "wide"
        columns = min(3, len(curves)) if is_wide else 1
        rows = -(-len(curves) // columns)
        with mpl.rc_context(SETTINGS | {"svg.hashsalt": f"curves {width_name}"}):
            figure = Figure(figsize=(width, 2.3 * rows), layout="constrained")
            axes = figure.subplots(rows, columns, squeeze=False, sharey="row")
            for axis, (arm, curve) in zip(axes.flat, curves.items(), strict=False):
                _draw_curve(axis, arm, curve)
            for axis in axes.flat[len(curves) :]:
                axis.set_visible(False)
            for axis in axes[:, 0]:
                axis.set_ylabel("loss, nats per token")
            drawings[width_name] = _write_svg(figure)
    return drawings


def _draw_metric(axis: Axes, evaluation: Evaluation, metric: Metric) -> None:
    arms = list(evaluation.arms)
    for row, arm in enumerate(arms):
        figure = evaluation.arms[arm][metric]
        is_persona = arm == PERSONA
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
    _draw_limits(axis, evaluation, metric)
    axis.set_ylim(len(arms) - 0.4, -1.4 if evaluation.limits else -0.6)
    axis.margins(x=0.1)
    axis.set_yticks(range(len(arms)), arms)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    axis.xaxis.set_major_locator(MaxNLocator(5))
    axis.grid(axis="x", color=RULE, lw=0.6)
    axis.set_axisbelow(True)
    better = "higher is better \N{RIGHTWARDS ARROW}"
    if not higher_is_better(metric):
        better = "\N{LEFTWARDS ARROW} lower is better"
    words = METRIC_WORDS[metric]
    axis.set_title(words.name, loc="left", fontsize=10, weight="bold")
    axis.set_xlabel(f"{words.unit}\n{better}")


def _draw_limits(axis: Axes, evaluation: Evaluation, metric: Metric) -> None:
    """Draw what ideal judges reach as dashed lines, each name on the side away from the next."""
    known = {
        judge: figures[metric] for judge, figures in evaluation.limits.items() if metric in figures
    }
    for judge, value in known.items():
        neighbor = known.get(LIMIT_NEIGHBORS[judge], value)
        is_right = value >= neighbor
        axis.plot([value, value], [len(evaluation.arms) - 0.4, LIMIT_TOP], **LIMIT_LINE)
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


def _draw_curve(axis: Axes, arm: str, curve: Sequence[Mapping[str, float]]) -> None:
    styles = {"loss": ("train", MUTED, "-"), "dev_loss": ("dev", ACCENT, "o-")}
    for key, (label, color, style) in styles.items():
        points = [(point["step"], point[key]) for point in curve if key in point]
        if points:
            axis.plot(*zip(*points, strict=True), style, color=color, label=label, markersize=3.5)
    axis.set_title(arm, loc="left", fontsize=10, weight="bold")
    axis.set_xlabel("optimizer steps")
    axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axis.tick_params(axis="y", labelcolor=MUTED)
    axis.grid(axis="y", color=RULE, lw=0.6)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(frameon=False, fontsize=8, loc="upper right")


def _write_svg(figure: Figure) -> str:
    """Write a figure as an SVG element for an HTML page, with CSS variables for colours."""
    buffer = io.StringIO()
    no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, dpi=DPI, metadata=no_metadata)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\s(xmlns(:\w+)?|version)="[^"]*"', "", svg)
    svg = re.sub(r'(<g\b[^>]*?) id="[^"]*"', r"\1", svg)  # nothing refers to groups
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*" height="[^"]*"', r"\1", svg)
    for mark, variable in VARIABLES.items():
        svg = svg.replace(mark, variable)
    return svg
