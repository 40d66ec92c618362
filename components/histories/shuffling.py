"""Somebody else's history for every question: the control arm `shuffled` (method section 3).

A donor is another user of the same split with about as many items before the question's time, and
gives as many items as the question's own history has, the newest ones before that time. So what
differs from the own history is whose it is, and nothing that its length or age would tell.
"""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.histories.tables import Histories

logger = logging.getLogger(__name__)

NUM_NEAREST = 20
"""Donors to draw from where fewer than this have a history of like length."""

IntArray = NDArray[np.int64]
NEVER = np.iinfo(np.int64).max
ALWAYS = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Donors:
    """The users who may give their histories, and their items."""

    user_ids: list[str]
    first_rows: IntArray
    """Row of each donor's oldest item; a donor's items stand in one run of rows, by time."""
    item_users: IntArray
    """Donor (position in `user_ids`) of each of the donors' items, by time."""
    item_times: IntArray
    """Seconds of each of these items, ascending; items without a time come first."""


def draw_donors(
    histories: Histories, question_rows: Sequence[int], num_draws: int, seed: int
) -> list[list[Sequence[int]]]:
    """Draw another user's history for every question.

    A question's donors depend on the seed, the draw and its id only, not on which other questions
    are asked along with it; a question's first draws are different donors. A question without
    history gets none, and neither does one before whose time no other user has any item.

    Args:
        histories: The tables.
        question_rows: Rows of `histories.questions`.
        num_draws: Number of draws.
        seed: Of the draws.

    Returns:
        For every draw and question, row numbers in `histories.items`, oldest first.

    Raises:
        ValueError: If the questions' splits have fewer than two users, or a user's items do not
            stand together.
    """
    questions = histories.questions.select_columns(
        ["question_id", "user_id", "split", "time", "history"]
    ).with_format("arrow")[:]
    asked = questions.take(pa.array(question_rows, type=pa.int64()))
    donors = find_donors(histories, _list_donors(questions, asked))
    lengths = pc.list_value_length(asked["history"]).to_numpy().astype(np.int64)
    times = _seconds(asked["time"], missing=NEVER)
    question_ids = asked["question_id"].to_pylist()
    place = {user_id: index for index, user_id in enumerate(donors.user_ids)}
    own = [place[user_id] for user_id in asked["user_id"].to_pylist()]
    drawn: list[list[Sequence[int]]] = [[()] * len(asked) for _ in range(num_draws)]
    num_without = 0
    for row, counts in _count_items_before(donors, times):
        length = int(lengths[row])
        if not length:
            continue
        pool = find_pool(counts, length, own[row])
        num_without += not len(pool)
        picks = pick_in_turn(pool, num_draws, f"{seed}:{question_ids[row]}")
        for draw, donor in enumerate(picks):
            end = int(donors.first_rows[donor] + counts[donor])
            drawn[draw][row] = range(end - min(length, int(counts[donor])), end)
    if num_without:
        logger.warning(
            "%d of %d questions have no donor with earlier items", num_without, len(asked)
        )
    return drawn


def find_donors(histories: Histories, user_ids: list[str]) -> Donors:
    """Collect the donors' items by time.

    Raises:
        ValueError: If a user's items do not stand together.
    """
    items = histories.items.select_columns(["user_id", "time"]).with_format("arrow")[:]
    positions = pc.index_in(items["user_id"], value_set=pa.array(user_ids, type=pa.string()))
    users = pc.fill_null(positions, -1).to_numpy().astype(np.int64)
    rows = np.flatnonzero(users >= 0)
    users = users[rows]
    counts = np.bincount(users, minlength=len(user_ids))
    first_rows = np.zeros(len(user_ids), dtype=np.int64)
    first_rows[users[::-1]] = rows[::-1]
    times = _seconds(items["time"], missing=ALWAYS)[rows]
    if (rows - first_rows[users] >= counts[users]).any():
        raise ValueError("items of a user do not stand together; they are sorted by user and time")
    order = np.argsort(times, kind="stable")
    return Donors(user_ids, first_rows, users[order], times[order])


def find_pool(counts: IntArray, length: int, own: int) -> IntArray:
    """Return the donors for a history of `length` items: never `own`, and none without items.

    Donors with at least that many items and less than twice as many are alike. Where there are
    fewer than NUM_NEAREST of them the next nearest join: a factor of two in length is one step, and
    too few items, which cannot be cut to the length, are one step more.
    """
    with np.errstate(divide="ignore"):
        steps = np.log2(counts / length)
    distance = np.where(steps >= 0, steps, 1 - steps)
    distance[own] = np.inf
    alike = np.flatnonzero(distance < 1)
    if len(alike) >= NUM_NEAREST:
        return alike
    nearest = np.argsort(distance, kind="stable")[:NUM_NEAREST]
    return np.sort(nearest[np.isfinite(distance[nearest])])


def pick_in_turn(pool: IntArray, num_draws: int, key: str) -> list[int]:
    """Pick `num_draws` of the pool by a hash of key and draw, none again before all were picked."""
    picks: list[int] = []
    left: list[int] = []
    for draw in range(num_draws if len(pool) else 0):
        left = left or pool.tolist()
        digest = hashlib.blake2b(f"{draw}:{key}".encode(), digest_size=8).digest()
        picks.append(left.pop(int.from_bytes(digest, "big") % len(left)))
    return picks


def _list_donors(questions: pa.Table, asked: pa.Table) -> list[str]:
    """Return the users who ask questions in the splits of the asked ones, sorted."""
    splits = pc.unique(asked["split"])
    peers = questions.filter(pc.is_in(questions["split"], value_set=splits))
    user_ids: list[str] = sorted(pc.unique(peers["user_id"]).to_pylist())
    if len(user_ids) < 2:
        raise ValueError(
            f"questions of split {splits.to_pylist()} are from {len(user_ids)} user(s); another "
            "user's history needs at least two"
        )
    return user_ids


def _count_items_before(donors: Donors, times: IntArray) -> Iterator[tuple[int, IntArray]]:
    """Go through the questions by time; yield each with every donor's number of earlier items.

    The counts are one array that changes in place.
    """
    counts = np.zeros(len(donors.user_ids), dtype=np.int64)
    ends = np.searchsorted(donors.item_times, times, side="left")
    done = 0
    for row in np.argsort(times, kind="stable").tolist():
        end = int(ends[row])
        if end > done:
            counts += np.bincount(donors.item_users[done:end], minlength=len(counts))
            done = end
        yield row, counts


def _seconds(times: pa.ChunkedArray, missing: int) -> IntArray:
    seconds = pc.fill_null(times.cast(pa.int64()), missing)
    return np.asarray(seconds.to_numpy(), dtype=np.int64)
