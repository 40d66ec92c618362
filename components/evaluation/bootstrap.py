"""A paired bootstrap that resamples users, with all their questions, and not questions.

Users are drawn with replacement; all arms are measured on the same draws, so a difference of two
arms is paired. A draw is a vector of counts, how often each user is in it, and the sums of all
statistics over it are counts times per-user sums: one matrix product a chunk of draws. Of a handful
of users the draws are too much alike: the promotion rule asks for a number of them.

Letters: N questions, U users, K statistics, D draws.
"""

import numpy as np
from numpy.typing import NDArray

from components.evaluation.evaluation import Interval
from components.evaluation.metrics import FloatArray

CONFIDENCE = 0.95
MAX_COUNTS = 4_000_000
"""Most counts (draws times users) held at once: 32 MB."""


def resample_sums(
    statistics: FloatArray, users: NDArray[np.int64], num_draws: int, seed: int
) -> FloatArray:
    """Return the sums of every statistic over resampled users, float64 [D, K].

    Args:
        statistics: Per-question statistics of any metrics and arms, side by side, float64 [N, K].
        users: Each question's user, numbered from 0 without gaps, int64 [N].
        num_draws: Number of resamples D.
        seed: The same seed gives the same draws for any statistics of the same users.

    Raises:
        ValueError: If there are no questions, or not one user each.
    """
    if not len(users) or len(users) != len(statistics):
        raise ValueError(f"{len(statistics)} rows of statistics for {len(users)} questions")
    per_user = sum_by_user(statistics, users)
    num_users = len(per_user)
    rng = np.random.default_rng(seed)
    sums = np.empty((num_draws, statistics.shape[1]))
    chunk = max(1, min(num_draws, MAX_COUNTS // num_users))
    counts = np.empty((chunk, num_users))
    for start in range(0, num_draws, chunk):
        size = min(chunk, num_draws - start)
        for row in range(size):
            drawn = rng.integers(num_users, size=num_users, dtype=np.int32)
            counts[row] = np.bincount(drawn, minlength=num_users)
        sums[start : start + size] = counts[:size] @ per_user
    return sums


def sum_by_user(statistics: FloatArray, users: NDArray[np.int64]) -> FloatArray:
    """Return per-user sums, float64 [U, K]."""
    order = np.argsort(users, kind="stable")
    starts = np.flatnonzero(np.diff(users[order], prepend=-1))
    return np.add.reduceat(statistics[order], starts, axis=0)


def build_interval(value: float, draws: FloatArray) -> Interval:
    """Return the value with the two-sided 95 % percentile interval of its draws [D].

    `mean` is the value over all questions, not the mean of the draws, which for macro F1 is biased.
    """
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(mean=float(value), low=float(low), high=float(high))
