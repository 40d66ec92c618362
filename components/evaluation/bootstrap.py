"""A paired bootstrap that resamples users, with all their questions, and not questions.

Users are drawn with replacement; all arms are measured on the same draws, so a difference of two
arms is paired. A draw is a vector of counts, how often each user is in it, and the sums of all
statistics over it are counts times per-user sums: one matrix product a chunk of draws.

Plain percentiles of the draws promise too much where users are few or ask unequally much. The
intervals are Hesterberg's expanded percentiles (2015, "What Teachers Should Know About the
Bootstrap", section 4.3), with Kish's effective number of users for n: they read the draws at the
level alpha' = Phi(-sqrt(n / (n - 1)) t), t being Student's quantile with n - 1 degrees of freedom.
A test's p-value is read through the same map, so that a test rejects where its interval excludes.

Letters: N questions, U users, K statistics, D draws.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from components.evaluation.evaluation import Interval
from components.evaluation.metrics import FloatArray

ALPHA = 0.025
"""Level of a one-sided test, and of either end of an interval."""
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


def count_effective_users(users: NDArray[np.int64]) -> float:
    """Return Kish's effective number of users [N]: (sum n)^2 / sum n^2, but at least 2."""
    counts = np.bincount(users).astype(np.float64)
    return max(2.0, float(counts.sum() ** 2 / (counts**2).sum()))


def expand_level(level: float, effective_users: float) -> float:
    """Return the quantile of the draws that bounds at a level, as the module says."""
    n = effective_users
    return float(ndtr(math.sqrt(n / (n - 1)) * stdtrit(n - 1, level)))


def build_interval(value: float, draws: FloatArray, effective_users: float) -> Interval:
    """Return the value with the two-sided 95 % interval of its draws [D].

    `mean` is the value over all questions, not the mean of the draws, which for macro F1 is biased.
    Fewer than about five effective users want quantiles beyond 2,000 draws; there the interval has
    the draws' standard deviation and Student's tails.
    """
    rank = int(expand_level(ALPHA, effective_users) * (len(draws) + 1))
    if rank:
        low, high = np.partition(draws, (rank - 1, len(draws) - rank))[[rank - 1, -rank]]
    else:
        n = effective_users
        half = -math.sqrt(n / (n - 1)) * stdtrit(n - 1, ALPHA) * draws.std()
        low, high = value - half, value + half
    return Interval(mean=float(value), low=float(low), high=float(high))


def compute_p_value(benefit: FloatArray, effective_users: float) -> float:
    """Return the one-sided p-value of "the benefit is above zero", given its draws [D].

    The draws that are not above zero count as if there were one more, so that it is never zero.
    """
    share = (np.count_nonzero(~(benefit > 0)) + 1) / (len(benefit) + 1)
    n = effective_users
    return float(stdtr(n - 1, math.sqrt((n - 1) / n) * ndtri(share)))
