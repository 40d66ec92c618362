"""Every registered version beside the champion and the reference of its day."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.promotion.registry_records import PastDecision
from components.reporting.figures.canvas import (
    ACCENT,
    GOOD,
    LIMIT,
    MUTED,
    Drawings,
    draw_both,
    draw_grid,
    open_figure,
)
from components.reporting.wording import METRIC_WORDS, PERSONA
from components.tasks.task import Metric

LINES = {"champion": (ACCENT, "-"), "reference": (LIMIT, "--")}
MAX_TICKS = {True: 26, False: 9}
"""Versions that are named, on a wide screen and on a narrow one."""


def draw_champions(decisions: Sequence[PastDecision], metric: Metric) -> Drawings:
    """Draw the versions in their order, each with what it was compared with."""

    def draw(is_wide: bool) -> Figure:
        figure = open_figure(is_wide, 2.8)
        axis = figure.subplots()
        for office, (color, style) in LINES.items():
            _draw_line(axis, decisions, office, color=color, ls=style, lw=1.4)
        for promoted, marker, color in ((True, "^", GOOD), (False, "x", MUTED)):
            points = [
                (place, past.figures[PERSONA])
                for place, past in enumerate(decisions)
                if past.promoted is promoted and PERSONA in past.figures
            ]
            if points:
                label = "persona, promoted" if promoted else "persona, refused"
                axis.scatter(*zip(*points, strict=True), marker=marker, color=color, label=label)
        step = -(-len(decisions) // MAX_TICKS[is_wide])
        ticks = range(0, len(decisions), step)
        axis.set_xticks(ticks, [decisions[place].version for place in ticks])
        axis.set_xlabel("version")
        axis.set_ylabel(METRIC_WORDS[metric].name)
        draw_grid(axis, "y")
        figure.legend(loc="outside lower center", ncols=4 if is_wide else 2)
        return figure

    return draw_both("champions", draw)


def _draw_line(axis: Axes, decisions: Sequence[PastDecision], arm: str, **style: object) -> None:
    points = [(n, past.figures[arm]) for n, past in enumerate(decisions) if arm in past.figures]
    if points:
        axis.plot(*zip(*points, strict=True), label=f"{arm} of the day", marker=".", **style)
