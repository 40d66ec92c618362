"""The year in one figure: who answered how well, week by week, and what became of each training."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from benchmarks.year_records import CHAMPION, NEVER_RETRAINED, WeekRecord
from components.reporting.evaluation_page import TEMPLATES
from components.reporting.figures.canvas import (
    ACCENT,
    BAD,
    GOOD,
    INK,
    LIMIT,
    MUTED,
    draw_both,
    draw_grid,
    open_figure,
)

HEIGHT = 4.2
LETTERS_A_LINE = 90
LINES: dict[str, tuple[str, dict[str, Any]]] = {
    "oracle": ("knows the taste", {"color": LIMIT, "lw": 1, "ls": ":"}),
    "bayes": ("best given the history", {"color": LIMIT, "lw": 1.2, "ls": "--"}),
    CHAMPION: ("champion", {"color": ACCENT, "lw": 2.4}),
    NEVER_RETRAINED: ("never retrained", {"color": BAD, "lw": 1.6}),
    "without_user": ("best without the user", {"color": MUTED, "lw": 1, "ls": "--"}),
    "instruction_only": ("no persona", {"color": INK, "lw": 1, "ls": "-."}),
}
MARKS = {"promoted": ("^", GOOD), "refused": ("x", BAD), "skipped": (".", MUTED)}
SHARE_OF_MARKS = 0.12
"""Of the height, in which the outcomes stand below the lines."""


def write_year_figure(path: Path, records: Sequence[WeekRecord], verdict: str) -> None:
    """Write the figure as an SVG that stands by itself on a light and on a dark page."""
    svg = draw_both("year", lambda is_wide: draw_year(records, verdict, is_wide))["wide"]
    css = (TEMPLATES / "evaluation_page.css").read_text("utf-8")
    colours = css[: css.index("* {")] + "svg { background: var(--paper); }"
    namespaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    head, body = svg.split(">", 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    alone = f"{head.replace('<svg', f'<svg {namespaces}', 1)}>\n<style>\n{colours}\n</style>{body}"
    path.write_text(alone, "utf-8")


def draw_year(records: Sequence[WeekRecord], verdict: str, is_wide: bool) -> Figure:
    """Draw the lines of all who answered, over the outcomes of the weeks."""
    figure = open_figure(is_wide, HEIGHT)
    axis = figure.subplots()
    for name, (label, style) in LINES.items():
        points = [(one.week, one.measure()[name]) for one in records if name in one.right]
        if points:
            axis.plot(*zip(*points, strict=True), label=label, **style)
    low, high = axis.get_ylim()
    bottom = low - SHARE_OF_MARKS * (high - low)
    axis.set_ylim(bottom, high)
    draw_outcomes(axis, records, (bottom + low) / 2)
    axis.set_title("\n".join(wrap(verdict, LETTERS_A_LINE)), fontsize=10 if is_wide else 6)
    axis.set_xlabel("week")
    axis.set_ylabel("accuracy on the newest questions")
    axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axis.xaxis.set_major_locator(MaxNLocator(13, integer=True))
    draw_grid(axis, "y")
    figure.legend(loc="outside lower center", ncols=5 if is_wide else 2)
    return figure


def draw_outcomes(axis: Axes, records: Sequence[WeekRecord], height: float) -> None:
    """Draw a mark a week."""
    for outcome, (marker, color) in MARKS.items():
        weeks = [record.week for record in records if record.outcome == outcome]
        label = f"{outcome} ({len(weeks)})"
        axis.scatter(weeks, [height] * len(weeks), marker=marker, color=color, s=28, label=label)
