"""Quality against cost: the primary metric over the time of a question and the bytes of a user."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.evaluation.evaluation import Cost, Evaluation, Interval
from components.evaluation.metrics import higher_is_better
from components.reporting.figures.canvas import (
    ACCENT,
    INK,
    RULE,
    Drawings,
    draw_both,
    draw_grid,
    open_panels,
)
from components.reporting.figures.label_column import label_points
from components.reporting.wording import METRIC_WORDS, PERSONA, format_bytes, format_seconds

LABEL_HEIGHT = 0.145
AROUND_PANEL = 0.95
"""Inches of a panel's figure that its title, ticks and axis label take."""
MOST_TICKS = 4
MARGIN = 0.4
"""Decades around the points; where no power of ten is that near, two costs alike have no tick."""


class Price(NamedTuple):
    """One of the costs that quality is drawn against."""

    title: str
    unit: str
    read: Callable[[Cost], float | None]
    write: Callable[[float], str]


PRICES = (
    Price(
        "Time of a question",
        "wall time per question, log scale",
        lambda cost: cost.seconds_per_question,
        format_seconds,
    ),
    Price(
        "Storage of a user",
        "stored per user, log scale",
        lambda cost: cost.bytes_per_user,
        format_bytes,
    ),
)


def draw_costs(evaluation: Evaluation) -> Drawings:
    """Draw every arm's primary metric over what it costs; arms without the cost are left out."""
    metric = evaluation.primary_metric
    figures = {arm: cells[metric] for arm, cells in evaluation.arms.items()}
    known = {price: _read_price(price, evaluation, figures) for price in PRICES}
    known = {price: costs for price, costs in known.items() if costs}
    panel_height = max(2.2, LABEL_HEIGHT * max(map(len, known.values())))
    words = METRIC_WORDS[metric]
    better = "higher" if higher_is_better(metric) else "lower"

    def draw(is_wide: bool) -> Figure:
        figure, axes = open_panels(is_wide, len(known), panel_height + AROUND_PANEL)
        for axis, (price, costs) in zip(axes, known.items(), strict=True):
            _draw_price(axis, price, costs, figures)
            axis.set_ylabel(f"{words.name} ({better} is better)")
            points = [(place, figures[arm].mean) for arm, place in _place(costs).items()]
            label_points(axis, list(costs), points, LABEL_HEIGHT / panel_height)
        return figure

    return draw_both("costs", draw)


def has_prices(evaluation: Evaluation) -> bool:
    """Return whether any evaluated arm's time or storage is known."""
    return any(
        price.read(cost) is not None
        for arm, cost in evaluation.costs.items()
        if arm in evaluation.arms
        for price in PRICES
    )


def _read_price(
    price: Price, evaluation: Evaluation, figures: Mapping[str, Interval]
) -> dict[str, float]:
    costs = {arm: price.read(evaluation.costs[arm]) for arm in figures if arm in evaluation.costs}
    return {arm: cost for arm, cost in costs.items() if cost is not None}


def _draw_price(
    axis: Axes, price: Price, costs: Mapping[str, float], figures: Mapping[str, Interval]
) -> None:
    places = _place(costs)
    for arm, place in places.items():
        figure, is_persona = figures[arm], arm == PERSONA
        color = ACCENT if is_persona else INK
        axis.plot([place, place], [figure.low, figure.high], color=color, lw=1.2)
        axis.plot(
            [place], [figure.mean], "o", color=color, markersize=7 if is_persona else 4.5, zorder=3
        )
    ticks = [(math.log10(decade), price.write(decade)) for decade in _list_decades(costs)]
    if not all(costs.values()):
        nothing, smallest = _zero_place(costs), _span(costs)[0]
        ticks = [(nothing, "none"), *ticks]
        axis.axvline((nothing + smallest) / 2, color=RULE, lw=4)  # the scale breaks off here
    axis.set_xticks([place for place, _ in ticks], [label for _, label in ticks])
    axis.set_xlim(min(places.values()) - MARGIN, max(places.values()) + MARGIN)
    axis.set_ylim(*axis.get_ylim())
    draw_grid(axis, "y")
    axis.set_title(f"{price.title} (n = {len(costs)} arms)")
    axis.set_xlabel(price.unit)


def _place(costs: Mapping[str, float]) -> dict[str, float]:
    """Return each arm's place on the axis: the decimal logarithm, for zero a column at the left."""
    nothing = _zero_place(costs)
    return {arm: math.log10(cost) if cost else nothing for arm, cost in costs.items()}


def _zero_place(costs: Mapping[str, float]) -> float:
    smallest, largest = _span(costs)
    return smallest - max(1.0, 0.25 * (largest - smallest))


def _span(costs: Mapping[str, float]) -> tuple[float, float]:
    """Return the decimal logarithms of the smallest and the largest cost above zero."""
    spent = [math.log10(cost) for cost in costs.values() if cost]
    return min(spent, default=0.0), max(spent, default=0.0)


def _list_decades(costs: Mapping[str, float]) -> Sequence[float]:
    """Return the powers of ten that the costs span, thinned out to MOST_TICKS."""
    if not any(costs.values()):
        return ()
    smallest, largest = _span(costs)
    first, last = math.ceil(smallest - MARGIN), math.floor(largest + MARGIN)
    step = max(1, -(-(last - first + 1) // MOST_TICKS))
    return [10.0**exponent for exponent in range(first, last + 1, step)]
