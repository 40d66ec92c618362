"""What all figures share: sizes, and SVG that takes its colours from the page.

Colours are written as marks and become CSS variables, so that one figure fits a light and a dark
page. Each figure is drawn for a wide and for a narrow screen, since text in an SVG shrinks with it.
"""

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Drawings = dict[str, str]
"""SVG by width: wide and narrow."""

INK, MUTED, RULE, ACCENT, LIMIT, GOOD, BAD = (f"#0{n}0{n}0{n}" for n in range(1, 8))
VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    ACCENT: "var(--accent)",
    LIMIT: "var(--limit)",
    GOOD: "var(--good)",
    BAD: "var(--bad)",
}
WIDE, NARROW = 8.6, 3.6
"""Widths in inches; the page shows a hundred pixels an inch."""
DPI = 72
SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": RULE,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 8,
}


def draw_both(name: str, draw: Callable[[bool], Figure]) -> Drawings:
    """Draw a figure for both widths.

    Args:
        name: Unlike any other figure's on the page: ids inside the SVG are made from it.
        draw: Draws it, given whether the screen is wide.
    """
    drawings = {}
    for width_name, is_wide in (("wide", True), ("narrow", False)):
        with mpl.rc_context(SETTINGS | {"svg.hashsalt": f"{name} {width_name}"}):
            drawings[width_name] = write_svg(draw(is_wide))
    return drawings


def open_figure(is_wide: bool, height: float) -> Figure:
    """Return an empty figure of the screen's width; heights are in inches."""
    figure = Figure(figsize=(WIDE if is_wide else NARROW, height))
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    return figure


def open_panels(is_wide: bool, number: int, height: float, **sharing: Any) -> tuple[Figure, Any]:
    """Return a figure and its panels: side by side on a wide screen, else one below the other."""
    rows, columns = (1, number) if is_wide else (number, 1)
    figure = open_figure(is_wide, height * rows)
    return figure, figure.subplots(rows, columns, squeeze=False, **sharing).flat


def draw_grid(axis: Axes, which: str) -> None:
    """Draw thin lines behind the data at the ticks of one axis, x or y."""
    axis.grid(axis=which, color=RULE, lw=0.6)
    axis.set_axisbelow(True)


def write_svg(figure: Figure) -> str:
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
