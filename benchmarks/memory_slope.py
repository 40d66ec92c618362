"""How a process's memory grows with the requests that it answers."""

from collections.abc import Sequence

import numpy as np


def find_slope(samples: Sequence[tuple[float, int]], ended: Sequence[float]) -> float:
    """Return bytes by which memory grows in 1,000 requests, by least squares.

    Args:
        samples: Seconds of the clock, and bytes.
        ended: When each request was answered, by the same clock.

    Raises:
        ValueError: If there are fewer than two samples.
    """
    if len(samples) < 2:
        raise ValueError(f"{len(samples)} samples of memory; a slope needs 2: ask more requests")
    times, sizes = zip(*samples, strict=True)
    answered = np.searchsorted(np.sort(ended), times)
    return float(np.polyfit(answered / 1000, sizes, 1)[0])


def find_medians(samples: Sequence[tuple[float, int]]) -> list[float]:
    """Return the median memory of each tenth of the samples: what a slope cannot tell."""
    sizes = [size for _, size in samples]
    tenths = np.array_split(sizes, min(10, len(sizes)))
    return [float(np.median(tenth)) for tenth in tenths]
