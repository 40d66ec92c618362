"""Then and now: items a user, text lengths, label shares."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import SymmetricalLogLocator

from components.lineage.data_profile import DataProfile
from components.reporting.figures.canvas import (
    ACCENT,
    MUTED,
    Drawings,
    draw_both,
    draw_grid,
    open_panels,
)

MOST_LABELS = 12
STYLES = (("champion's", MUTED, (0, (4, 3))), ("today's", ACCENT, "-"))


def draw_drift(champion: DataProfile, today: DataProfile) -> Drawings:
    """Draw both profiles' distributions, and the labels whose shares changed most."""
    counts = (champion.items_per_user, today.items_per_user)
    panels = [lambda axis: _draw_shares_below(axis, counts, "users", "items a user")]
    if champion.text_length and today.text_length:
        lengths = (champion.text_length, today.text_length)
        panels.append(lambda axis: _draw_shares_below(axis, lengths, "items", "characters an item"))
    if champion.label_shares and today.label_shares:
        panels.append(lambda axis: _draw_labels(axis, champion.label_shares, today.label_shares))

    def draw(is_wide: bool) -> Figure:
        figure, axes = open_panels(is_wide, len(panels), 2.6)
        for axis, draw_panel in zip(axes, panels, strict=True):
            draw_panel(axis)
        return figure

    return draw_both("drift", draw)


def _draw_shares_below(
    axis: Axes, samples: tuple[list[float], list[float]], of_what: str, unit: str
) -> None:
    for quantiles, (label, color, line) in zip(samples, STYLES, strict=True):
        heights = np.arange(1, len(quantiles) + 1) / len(quantiles)
        axis.step(quantiles, heights, where="post", color=color, ls=line, lw=1.6, label=label)
    least, most = min(map(min, samples)), max(map(max, samples))
    is_log = most > 10 * max(1, least)
    if is_log:
        axis.set_xscale("symlog", linthresh=1)  # some have none
        axis.xaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=1, subs=[1, 3]))
        axis.set_xlim(left=0.9 * least)
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.set_ylim(0, 1)
    axis.set_xlabel(f"{unit}, log scale" if is_log else unit)
    axis.set_ylabel(f"share of {of_what} up to it")
    draw_grid(axis, "y")
    _name_both(axis)


def _draw_labels(axis: Axes, then: dict[str, float], now: dict[str, float]) -> None:
    changes = {label: now.get(label, 0) - then.get(label, 0) for label in {**then, **now}}
    changed = sorted(changes, key=lambda label: -abs(changes[label]))[:MOST_LABELS]
    labels = [label for label in reversed(changes) if label in changed]
    for shares, (name, color, _) in zip((then, now), STYLES, strict=True):
        points = [shares.get(label, 0) for label in labels]
        fill = color if shares is now else "none"
        axis.plot(points, range(len(labels)), "o", color=color, mfc=fill, label=name)
    for place, label in enumerate(labels):
        ends = (then.get(label, 0), now.get(label, 0))
        axis.plot(ends, (place, place), color=MUTED, lw=1, zorder=1)
    axis.set_yticks(range(len(labels)), labels, fontsize=7)
    axis.set_xlim(left=0)
    which = "" if len(labels) == len(changes) else f"\n{MOST_LABELS} labels that changed most"
    axis.set_xlabel(f"share of outputs{which}")
    draw_grid(axis, "x")
    _name_both(axis)


def _name_both(axis: Axes) -> None:
    """Say above a panel which is which."""
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0, ncols=2)
