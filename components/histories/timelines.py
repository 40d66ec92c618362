"""Users' events in order: whose they are, what came before each, and which split it is in.

Legend: E events, U users.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.histories.config import TimelineConfig
from components.histories.splits import assign_users, cut_timeline
from components.histories.tables import SPLITS

EVENT_SCHEMA = pa.schema(
    {
        "row": pa.int64(),
        "user_id": pa.large_string(),
        "item_id": pa.large_string(),
        "time": pa.timestamp("s"),
        "text": pa.large_string(),
        "payload": pa.large_string(),
        "output": pa.large_string(),
    }
)
"""Large strings: all texts of a file may be more than 32-bit offsets can address."""
NO_TIME = -(2**63)


@dataclass(frozen=True)
class Timelines:
    """Events by user and time, those of the same time by their rows in the source."""

    events: pa.Table
    """Columns as in EVENT_SCHEMA."""
    users_E: NDArray[np.int64]
    """Ascending numbers of the users."""
    starts_E: NDArray[np.int64]
    """Where the events of the same user begin."""
    ends_E: NDArray[np.int64]
    """Where the earlier events of the same user end: before the first one of the same time."""

    @property
    def times(self) -> NDArray[np.int64]:
        """Seconds since 1970, UTC, [E]; NO_TIME for events without a time."""
        return _read_times(self.events)

    @property
    def user_ids(self) -> list[str]:
        """The users in their order, [U]."""
        firsts = np.flatnonzero(self.starts_E == np.arange(len(self.starts_E)))
        ids: list[str] = self.events["user_id"].take(pa.array(firsts)).to_pylist()
        return ids

    def mark_askable(self) -> NDArray[np.bool_]:
        """Return which events can be questions, [E]: those with an output and a time."""
        columns = (self.events["output"], self.events["time"])
        has_output_E, has_time_E = (pc.is_valid(column).to_numpy() for column in columns)
        return has_output_E & has_time_E

    def find_splits(self, config: TimelineConfig, seed: int) -> NDArray[np.int64]:
        """Return each event's place in `SPLITS`, [E]: by timeline, by date or by user.

        A timeline is cut by the events that can be questions; the others are in no split, -1.

        Raises:
            ValueError: If a split that has a share gets no user.
        """
        shares, is_askable_E = (config.test_share, config.dev_share), self.mark_askable()
        if config.split_by == "date":
            return _cut_by_date(self.times, is_askable_E, shares)
        if config.split_by == "user":
            split_of = assign_users(self.user_ids, *shares, seed)
            splits_U = np.array([SPLITS.index(split) for split in split_of.values()], np.int64)
            return np.where(is_askable_E, splits_U[self.users_E], -1)

        @cache
        def cut(num_events: int) -> list[int]:
            return [SPLITS.index(split) for split in cut_timeline(num_events, *shares)]

        splits_E = np.full(len(is_askable_E), -1)
        counts_U = np.bincount(self.users_E[is_askable_E])
        splits_E[is_askable_E] = [place for count in counts_U.tolist() for place in cut(count)]
        return splits_E


def _read_times(events: pa.Table) -> NDArray[np.int64]:
    times_E: NDArray[np.int64] = pc.fill_null(events["time"].cast(pa.int64()), NO_TIME).to_numpy()
    return times_E


def _cut_by_date(
    times_E: NDArray[np.int64], is_askable_E: NDArray[np.bool_], shares: tuple[float, float]
) -> NDArray[np.int64]:
    """Return the splits by the same two dates for all: what is newest is test, then comes dev.

    Events of one moment fall into one split, the later one, so a train question is never as new
    as a test question.
    """
    ordered = np.sort(times_E[is_askable_E])
    splits = np.array([SPLITS.index(split) for split in cut_timeline(len(ordered), *shares)])
    splits_E = np.full(len(times_E), -1)
    splits_E[is_askable_E] = SPLITS.index("train")
    for split in range(1, len(SPLITS)):
        if split in splits:
            begin = ordered[np.argmax(splits == split)]
            splits_E[is_askable_E & (times_E >= begin)] = split
    return splits_E


def order_events(events: pa.Table, min_events: int) -> Timelines:
    """Put events in order, without those of users who have fewer than `min_events`.

    Those without a time come first, as if they had happened at one.
    """
    users_E = rank_texts(events["user_id"])
    counts_U = np.bincount(users_E)
    times_E = _read_times(events)
    order = np.lexsort((events["row"].to_numpy(), times_E, users_E))
    order = order[counts_U[users_E[order]] >= min_events]
    users_E, times_E = np.unique(users_E[order], return_inverse=True)[1], times_E[order]
    new_user = np.diff(users_E, prepend=-1) != 0
    new_time = new_user | (np.diff(times_E, prepend=0) != 0)
    places = np.arange(len(order))
    starts_E, ends_E = (
        np.maximum.accumulate(np.where(is_new, places, 0)) for is_new in (new_user, new_time)
    )
    return Timelines(events.take(pa.array(order)), users_E, starts_E, ends_E)


def rank_texts(texts: pa.ChunkedArray) -> NDArray[np.int64]:
    """Return the place of each text among the different ones, by code points from 0."""
    different = pc.unique(texts)
    different = different.take(pc.sort_indices(different))
    ranks: NDArray[np.int64] = pc.index_in(texts, value_set=different).to_numpy().astype(np.int64)
    return ranks
