"""How many independent items a sample of users' items is worth.

Items of one user are alike, so a mean over N items of U users varies more than one over N
independent items. Letters: U users, K columns.
"""

import numpy as np
from numpy.typing import NDArray

USERS_PER_BLOCK = 10_000


def count_effective(
    sums_UK: NDArray[np.float64], counts_U: NDArray[np.int64], squares: float
) -> float:
    """Return the number of independent items whose mean would vary as much as this one.

    It is the items' variance by the variance of their mean, the latter by leaving out one user
    after another (cluster jackknife). It lies between Kish's (sum n)^2 / sum n^2, where a user's
    items are all the same, and the number of items, where users do not differ; below both where
    few users with many items are unlike the rest.

    Args:
        sums_UK: Each user's sum of her items' values, float64 [U, K].
        counts_U: Each user's number of items, above 0.
        squares: Sum of all values' squares.

    Returns:
        The number; 0 for fewer than two users, since one tells nothing of how users differ.
    """
    if len(counts_U) < 2:
        return 0.0
    num_items = counts_U.sum()
    mean_K = sums_UK.sum(axis=0) / num_items
    between = 0.0
    for start in range(0, len(counts_U), USERS_PER_BLOCK):
        counts_u = counts_U[start : start + USERS_PER_BLOCK, None]
        residuals_uK = sums_UK[start : start + USERS_PER_BLOCK] - counts_u * mean_K
        between += float(np.square(residuals_uK / (1 - counts_u / num_items)).sum())
    if between == 0:  # users who do not differ at all: by chance, perhaps
        return float(len(counts_U))
    spread = squares - num_items * float(mean_K @ mean_K)
    return float(min(num_items, num_items * max(spread, 0.0) / between))
