"""A profile of the data that a model was trained on: what later data is compared with for drift.

Letters: N items, U users with items, K columns, E encoder width.
"""

from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from components.config import Config
from components.encoders.behavior_vectors import BehaviorVectors
from components.histories.tables import SPLITS, Histories
from components.lineage.effective_size import count_effective
from components.tasks.task import Task

NUM_QUANTILES = 100
QUANTILES = (np.arange(NUM_QUANTILES) + 0.5) / NUM_QUANTILES
"""Each stands for one hundredth of a sample, .005 to .995: the extremes are single users'."""
ROWS_PER_BLOCK = 10_000
DECILES = np.arange(1, 10) / 10

MeasureName = Literal["items_per_user", "text_length", "label_shares", "vector_mean"]


class DataProfile(Config):
    """Counts and distributions of one run's histories."""

    num_users: int = Field(description="Users with a question or an item.")
    num_items: int = Field(description="History items.")
    num_questions: dict[str, int] = Field(description="Questions by split.")
    newest_time: str | None = Field(description="Time of the newest item, ISO 8601; None if none.")
    newest_trained: str | None = Field(
        None,
        description=(
            "Time of the newest train or dev question, ISO 8601: what is newer, no training has "
            "seen; None if none has a time, or an older version of this code wrote the profile."
        ),
    )
    items_per_user: list[float] = Field(
        description="Quantiles .005, .015, .. .995 of all users, in items; empty without users."
    )
    text_length: list[float] = Field(
        description="The same quantiles of the items' inputs, in characters; empty without items."
    )
    label_shares: dict[str, float] = Field(
        description=(
            "Share of the items' outputs that each of the task's labels has; empty for a text "
            "task, whose outputs are users' own texts."
        )
    )
    vector_mean: list[float] = Field(description="Mean behavior vector.")
    vector_spread: float = Field(
        ge=0, description="Root mean square distance of the behavior vectors from their mean."
    )
    encoder_fingerprint: str = Field(description="The encoder that made the vectors.")
    effective_sizes: dict[MeasureName, float] = Field(
        description=(
            "By measure, the number of independent users or items that would vary as much by "
            "chance; 0 where nothing can be said."
        )
    )


class _Owners(NamedTuple):
    """Whose the items are."""

    codes_N: NDArray[np.int64]
    """Users by number, ascending: a user's items lie together."""
    counts_U: NDArray[np.int64]
    """Each user's number of items."""


def profile_data(histories: Histories, vectors: BehaviorVectors, task: Task) -> DataProfile:
    """Profile the histories and their behavior vectors; no text of a user gets into it."""
    items = histories.items.data.table
    questions = histories.questions.data.table
    users = set(pc.unique(items["user_id"]).to_pylist())
    users |= set(pc.unique(questions["user_id"]).to_pylist())
    splits = questions["split"].to_pylist()
    trained = questions.filter(pc.is_in(questions["split"], pa.array(["train", "dev"])))
    owners = _number_owners(items["user_id"])
    counts_all = np.zeros(len(users), np.int64)
    counts_all[: len(owners.counts_U)] = owners.counts_U
    lengths_N = pc.utf8_length(items["input"]).to_numpy()
    shares, num_outputs = _share_labels(items["output"], owners, task)
    mean_E, spread, num_vectors = _summarize_vectors(vectors.open(), owners)
    return DataProfile(
        num_users=len(users),
        num_items=len(items),
        num_questions={split: splits.count(split) for split in SPLITS},
        newest_time=_find_newest(items["time"]),
        newest_trained=_find_newest(trained["time"]),
        items_per_user=_find_quantiles(counts_all),
        text_length=_find_quantiles(lengths_N),
        label_shares=shares,
        vector_mean=[round(float(value), 6) for value in mean_E],
        vector_spread=spread,
        encoder_fingerprint=vectors.fingerprint,
        effective_sizes={
            "items_per_user": len(users),
            "text_length": _count_lengths(lengths_N, owners),
            "label_shares": num_outputs,
            "vector_mean": num_vectors,
        },
    )


def _find_newest(times: pa.ChunkedArray) -> str | None:
    newest = pc.max(times).as_py()
    return None if newest is None else str(newest.isoformat())


def _number_owners(user_ids: pa.ChunkedArray) -> _Owners:
    is_next_N = pc.not_equal(user_ids[1:], user_ids[:-1]).to_numpy()
    codes_N = np.concatenate([np.zeros(min(1, len(user_ids)), np.int64), is_next_N.cumsum()])
    return _Owners(codes_N, np.bincount(codes_N))


def _count_lengths(lengths_N: NDArray[np.int64], owners: _Owners) -> float:
    """Return the effective number of lengths, by the shares of items below some places.

    These are the deciles of users' mean lengths: all items' would be those of whoever has most.
    """
    if not len(lengths_N):
        return 0.0
    means_U = np.bincount(owners.codes_N, weights=lengths_N) / owners.counts_U
    deciles = np.quantile(means_U, DECILES)
    parts_N = np.searchsorted(deciles, lengths_N)
    below_UK = _count_by_owner(parts_N, len(deciles) + 1, owners.codes_N).cumsum(axis=1)[:, :-1]
    return count_effective(below_UK, owners.counts_U, below_UK.sum())


def _share_labels(
    outputs: pa.ChunkedArray, owners: _Owners, task: Task
) -> tuple[dict[str, float], float]:
    """Return each label's share of the known outputs, and the effective number of these."""
    is_known_N = pc.is_valid(outputs).to_numpy()
    if not task.labels or not is_known_N.any():
        return {}, 0.0
    labels = pa.array(task.labels)
    found = pc.fill_null(pc.index_in(outputs, value_set=labels), len(labels)).to_numpy()
    counts_UK = _count_by_owner(found[is_known_N], len(labels) + 1, owners.codes_N[is_known_N])
    counts_UK = counts_UK[counts_UK.any(axis=1)]
    counts_U = counts_UK.sum(axis=1).astype(np.int64)
    shares_K = counts_UK.sum(axis=0) / counts_U.sum()
    # The last column holds what is no label.
    shares = dict(zip(task.labels, shares_K.tolist(), strict=False))
    return shares, count_effective(counts_UK, counts_U, counts_U.sum())


def _count_by_owner(
    parts_N: NDArray[np.int64], num_parts: int, codes_N: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return how many of each user's items lie in each part, float64 [U, K]."""
    num_users = int(codes_N.max(initial=-1)) + 1
    cells = np.bincount(codes_N * num_parts + parts_N, minlength=num_users * num_parts)
    return cells.reshape(num_users, num_parts).astype(np.float64)


def _summarize_vectors(
    vectors_NE: np.ndarray, owners: _Owners
) -> tuple[NDArray[np.float64], float, float]:
    """Return the mean vector [E], the spread around it, and the effective number of vectors."""
    num_items = len(vectors_NE)
    if not num_items:
        return np.zeros(vectors_NE.shape[1]), 0.0, 0.0
    sums_UE, squares = np.zeros((len(owners.counts_U), vectors_NE.shape[1])), 0.0
    for start in range(0, num_items, ROWS_PER_BLOCK):
        block_NE = vectors_NE[start : start + ROWS_PER_BLOCK].astype(np.float64)
        codes_N = owners.codes_N[start : start + ROWS_PER_BLOCK]
        firsts = np.flatnonzero(np.diff(codes_N, prepend=-1))
        sums_UE[codes_N[firsts]] += np.add.reduceat(block_NE, firsts, axis=0)
        squares += float(np.square(block_NE).sum())
    mean_E = sums_UE.sum(axis=0) / num_items
    spread = max(0.0, squares / num_items - float(mean_E @ mean_E)) ** 0.5
    return mean_E, spread, count_effective(sums_UE, owners.counts_U, squares)


def _find_quantiles(values: NDArray[np.int64]) -> list[float]:
    """Return values that occur, at the quantiles; an interpolated one would be nobody's."""
    if not len(values):
        return []
    return [float(value) for value in np.quantile(values, QUANTILES, method="inverted_cdf")]
