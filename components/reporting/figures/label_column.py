"""Labels beside a scatter, in a column at its right: none lies on another, however points lie."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from components.reporting.figures.canvas import ACCENT, INK, MUTED
from components.reporting.wording import PERSONA

LABEL_X = 1.06


def label_points(
    axis: Axes, names: Sequence[str], points: Sequence[tuple[float, float]], gap: float
) -> None:
    """Write each point's name at the right of the panel, with a thin line to the point.

    Args:
        axis: The panel; its limits are final.
        names: The points' names.
        points: Their places in the panel's units.
        gap: Least distance of two labels, as a share of the panel's height.
    """
    bottom, top = axis.get_ylim()
    order = sorted(range(len(points)), key=lambda place: points[place][1])
    heights = [(points[place][1] - bottom) / (top - bottom) for place in order]
    for place, height in zip(order, spread(heights, gap), strict=True):
        is_persona = names[place] == PERSONA
        axis.annotate(
            names[place],
            points[place],
            xytext=(LABEL_X, height),
            textcoords="axes fraction",
            va="center",
            fontsize=8,
            color=ACCENT if is_persona else INK,
            weight="bold" if is_persona else "normal",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": ACCENT if is_persona else MUTED,
                "lw": 0.5,
                "alpha": 0.6,
                "relpos": (0, 0.5),
                "shrinkA": 2,
                "shrinkB": 4,
            },
        )


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Move ascending heights apart by at least `gap`, as little as possible, within 0 to 1.

    `spread([0.5, 0.5], 0.1)` is `[0.45, 0.55]`. Where there are too many for the gap, all lie
    equally far apart.
    """
    gap = min(gap, 1 / max(1, len(heights) - 1))
    blocks: list[tuple[float, int]] = []  # of heights that touch: their lowest place, their number
    for index, height in enumerate(heights):
        total, number = height - index * gap, 1
        while blocks and blocks[-1][0] > total / number:
            mean, merged = blocks.pop()
            total, number = total + mean * merged, number + merged
        blocks.append((total / number, number))
    highest = 1 - (len(heights) - 1) * gap
    places = [min(max(mean, 0), highest) for mean, number in blocks for _ in range(number)]
    return [place + index * gap for index, place in enumerate(places)]
