"""Losses while training, one panel an arm."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from components.reporting.figures.canvas import (
    ACCENT,
    MUTED,
    Drawings,
    draw_both,
    draw_grid,
    open_figure,
)

Curves = Mapping[str, Sequence[Mapping[str, float]]]
"""Training curves by arm: points with step, and loss or dev_loss or both."""

PANEL_HEIGHT = 2.2
COLUMNS = {"wide": 3, "narrow": 2}
STYLES = {"loss": ("train", MUTED, "-"), "dev_loss": ("dev", ACCENT, "o-")}


def draw_curves(curves: Curves) -> Drawings:
    """Draw every arm's training and dev loss over the steps."""

    def draw(is_wide: bool) -> Figure:
        columns = min(COLUMNS["wide" if is_wide else "narrow"], len(curves))
        rows = -(-len(curves) // columns)
        figure = open_figure(is_wide, PANEL_HEIGHT * rows)
        axes = figure.subplots(rows, columns, squeeze=False, sharey="row")
        for axis, (arm, curve) in zip(axes.flat, curves.items(), strict=False):
            _draw_curve(axis, arm, curve)
            axis.title.set_fontsize(10 if is_wide else 8)
        for axis in axes.flat[len(curves) :]:
            axis.set_visible(False)
        for axis in axes[:, 0]:
            axis.set_ylabel("loss, nats per token")
        return figure

    return draw_both("curves", draw)


def _draw_curve(axis: Axes, arm: str, curve: Sequence[Mapping[str, float]]) -> None:
    for key, (label, color, style) in STYLES.items():
        points = [(point["step"], point[key]) for point in curve if key in point]
        if points:
            axis.plot(*zip(*points, strict=True), style, color=color, label=label, markersize=3.5)
    axis.set_title(arm)
    axis.set_xlabel("optimizer steps")
    axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    draw_grid(axis, "y")
    if axis.get_legend_handles_labels()[0]:
        axis.legend(loc="upper right")
