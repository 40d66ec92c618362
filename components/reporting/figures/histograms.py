"""Histograms: users by what the persona gains them, questions by how it weighs their items."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from components.evaluation.evaluation import AttentionSummary, UserOutcomes
from components.reporting.figures.canvas import (
    ACCENT,
    BAD,
    GOOD,
    INK,
    MUTED,
    Drawings,
    draw_both,
    draw_grid,
    open_figure,
    open_panels,
)
from components.reporting.wording import METRIC_WORDS, format_figure
from components.tasks.task import Metric


def draw_outcomes(outcomes: Mapping[str, UserOutcomes], metric: Metric) -> Drawings:
    """Draw users by their mean gain, one panel for each arm that persona is compared with."""
    words = METRIC_WORDS[metric]

    def draw(is_wide: bool) -> Figure:
        figure, axes = open_panels(is_wide, len(outcomes), 2.9)
        for axis, (arm, outcome) in zip(axes, outcomes.items(), strict=True):
            _draw_outcome(axis, arm, outcome)
            axis.set_xlabel(f"a user's mean gain in {words.name_within}\n{words.unit}")
        return figure

    return draw_both("users", draw)


def draw_attention(attention: AttentionSummary) -> Drawings:
    """Draw questions by the entropy of the weights, with its mean."""

    def draw(is_wide: bool) -> Figure:
        figure = open_figure(is_wide, 2.6)
        axis = figure.subplots()
        _draw_bars(axis, attention.edges, attention.counts, [ACCENT] * len(attention.counts))
        mean = attention.mean_entropy
        axis.axvline(mean, color=INK, lw=1.4, ls=(0, (4, 3)))
        axis.annotate(
            f"mean {format_figure(mean)}",
            (mean, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(-4 if mean > 0.5 else 4, 5),
            textcoords="offset points",
            ha="right" if mean > 0.5 else "left",
            fontsize=8,
            color=INK,
        )
        axis.set_xlim(0, 1)
        axis.set_xlabel("entropy of the weights, by its maximum\n0 = one item, 1 = all items alike")
        axis.set_ylabel(f"questions (n = {attention.num_questions:,})")
        return figure

    return draw_both("attention", draw)


def _draw_outcome(axis: Axes, arm: str, outcome: UserOutcomes) -> None:
    bins = zip(outcome.edges[:-1], outcome.edges[1:], strict=True)
    colors = [GOOD if low >= 0 else BAD if high <= 0 else MUTED for low, high in bins]
    _draw_bars(axis, outcome.edges, outcome.counts, colors)
    axis.axvline(0, color=MUTED, lw=1)
    num_users = outcome.helped + outcome.harmed + outcome.equal
    axis.set_title(f"Against {arm}", pad=20)
    axis.set_ylabel(f"users (n = {num_users:,})")
    for place, alignment, text, color in (
        (0.0, "left", f"\N{LEFTWARDS ARROW} {outcome.harmed:,} harmed", BAD),
        (0.5, "center", f"{outcome.equal:,} equal", MUTED),
        (1.0, "right", f"{outcome.helped:,} helped \N{RIGHTWARDS ARROW}", GOOD),
    ):
        axis.text(place, 1.03, text, transform=axis.transAxes, ha=alignment, color=color)


def _draw_bars(
    axis: Axes, edges: Sequence[float], counts: Sequence[int], colors: Sequence[str]
) -> None:
    bins = zip(edges[:-1], edges[1:], counts, colors, strict=True)
    for low, high, count, color in bins:
        gap = 0.06 * (high - low)
        axis.bar(low + gap / 2, count, high - low - gap, align="edge", color=color, lw=0)
    axis.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    draw_grid(axis, "y")
