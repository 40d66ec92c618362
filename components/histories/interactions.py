"""Reading events: each is a question, and an item of the user's later histories.

A row is read, checked and rendered, and kept as columns: a million events take some hundred bytes
each. The tables are then made piece by piece.

Legend: E events, Q questions, L history links.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.histories.config import (
    EventColumns,
    InteractionsConfig,
    StoreSourceConfig,
    TimelineConfig,
)
from components.histories.event_files import EventFiles
from components.histories.event_source import EventSource
from components.histories.events import StoredEvents
from components.histories.record import Record
from components.histories.splits import sample_questions
from components.histories.tables import (
    ITEM_SCHEMA,
    QUESTION_SCHEMA,
    ROWS_PER_BATCH,
    SPLITS,
    Histories,
    write_histories,
)
from components.histories.timelines import EVENT_SCHEMA, Timelines, order_events, rank_texts
from components.tasks.task import Task

STORE_NAME = "persona store"
STORE_COLUMNS = EventColumns(
    user="user_id", time="time", item_id="item_id", input="input", output="output"
)

logger = logging.getLogger(__name__)


def read_interactions(
    config: InteractionsConfig, task: Task, seed: int, directory: Path
) -> Histories:
    """Read the events of files and split them by time or by user.

    A question's history is what the user did strictly before it (in time, to the second), of all
    splits: what is tested later was seen by then.

    Args:
        config: The files, what their columns mean, and how much is kept of them.
        task: What the items and questions mean.
        seed: Of splits by user and of the samples of questions.
        directory: Where the tables are written: not there yet, or empty.

    Raises:
        ValueError: If there is no file, a row is bad (names file, row and field) or no question is
            left.
    """
    files = EventFiles(config.path)
    source = EventSource(
        str(config.path), files.read(), config, task, find_place=files.find_place, mark=files.mark
    )
    return _write_timelines(source, config, seed, directory)


def read_stored_events(
    config: StoreSourceConfig, stored: StoredEvents, task: Task, seed: int, directory: Path
) -> Histories:
    """Make of a persona store's events what `read_interactions` makes of a file's.

    An event without a label or a time is an item of later histories, and no question.

    Args:
        config: How much is kept of them.
        stored: The events, and up to where the store was read; it is kept with the tables.
        task: What the items and questions mean.
        seed: Of splits by user and of the samples of questions.
        directory: Where the tables are written: not there yet, or empty.

    Raises:
        ValueError: If an event can't be read (names user, item and field) or no question is left.
    """
    records = (
        (number, Record(f"{STORE_NAME}, user {row['user_id']!r}, item {row['item_id']!r}", row))
        for number, row in enumerate(stored.rows, start=1)
    )
    source = EventSource(
        *(STORE_NAME, records, STORE_COLUMNS, task),
        find_place=lambda row: f"{STORE_NAME}, row {row}",
        mark=lambda _: stored.watermark,
        is_complete=False,
    )
    return _write_timelines(source, config, seed, directory)


def _write_timelines(
    source: EventSource, config: TimelineConfig, seed: int, directory: Path
) -> Histories:
    timelines = _read_timelines(source, config)
    splits_E = timelines.find_splits(config, seed)
    num_before_E = timelines.ends_E - timelines.starts_E
    has_enough_E = (splits_E != SPLITS.index("train")) | (num_before_E >= config.min_history_items)
    asked_E = np.flatnonzero(has_enough_E)  # what can't be asked is in no split: never sampled
    times_Q = timelines.times[asked_E] if config.split_by == "date" else None
    kept_Q = asked_E[sample_questions(splits_E[asked_E], config, seed, times_Q)]
    if not len(kept_Q):
        raise ValueError(
            f"{source.name}: no question is left; users with fewer than {config.min_events} "
            "events (min_events) are left out, and so are train questions with fewer than "
            f"{config.min_history_items} earlier items (min_history_items)"
        )
    questions = _tabulate_questions(timelines, splits_E, kept_Q, source, config.max_history_items)
    items = _tabulate_items(timelines.events)
    watermark = source.mark(timelines.events["row"].to_numpy())
    return write_histories(directory, items, questions, watermark=watermark)


def _read_timelines(source: EventSource, config: TimelineConfig) -> Timelines:
    """Return the events of each user that has enough."""
    batches = source.read(config.drop_labels)
    events = pa.Table.from_batches(batches, EVENT_SCHEMA).combine_chunks()
    if source.columns.item_id is not None:
        _refuse_repeated_items(events, source, source.columns.item_id)
    timelines = order_events(events, config.min_events)
    logger.info(
        "%s: %d of %d users have %d events or more",
        *(source.name, len(timelines.user_ids), pc.count_distinct(events["user_id"]).as_py()),
        config.min_events,
    )
    return timelines


def _refuse_repeated_items(events: pa.Table, source: EventSource, id_field: str) -> None:
    """Refuse two items of a user with the same id."""
    names = ("user_id", "item_id")
    ids = pd.DataFrame({name: rank_texts(events[name]) for name in names})
    repeated = np.flatnonzero(ids.duplicated())
    if not len(repeated):
        return
    later = events.slice(repeated[0], 1).to_pylist()[0]
    first = np.flatnonzero((ids == ids.iloc[repeated[0]]).all(axis=1))[0]
    raise Record(source.find_place(later["row"]), {}).error(
        id_field,
        f"id {later['item_id']!r} of user {later['user_id']!r} stands in "
        f"{source.find_place(events['row'][first].as_py())} already",
    )


def _tabulate_items(events: pa.Table) -> Iterator[pa.Table]:
    """Yield all events as items."""
    items = events.select(["user_id", "item_id", "time", "text", "payload", "output"])
    items = items.rename_columns(ITEM_SCHEMA.names)
    for start in range(0, len(items), ROWS_PER_BATCH):
        yield items.slice(start, ROWS_PER_BATCH).cast(ITEM_SCHEMA)


def _tabulate_questions(
    timelines: Timelines,
    splits_E: NDArray[np.int64],
    kept_Q: NDArray[np.int64],
    source: EventSource,
    max_history_items: int,
) -> Iterator[pa.Table]:
    """Yield the kept events as questions, with the rows of their items."""
    render_prompt = source.task.render_prompt
    for start in range(0, len(kept_Q), ROWS_PER_BATCH):
        rows_Q = kept_Q[start : start + ROWS_PER_BATCH]
        events = timelines.events.take(pa.array(rows_Q))
        ends_Q = timelines.ends_E[rows_Q]
        starts_Q = np.maximum(timelines.starts_E[rows_Q], ends_Q - max_history_items)
        question_ids = events["item_id"]
        if source.columns.item_id is not None:
            colon = pa.scalar(":", pa.large_string())
            question_ids = pc.binary_join_element_wise(events["user_id"], question_ids, colon)
        columns = {
            "question_id": question_ids,
            "user_id": events["user_id"],
            "split": pa.array(SPLITS).take(pa.array(splits_E[rows_Q])),
            "time": events["time"],
            "input": pa.array([render_prompt(text) for text in events["payload"].to_pylist()]),
            "payload": events["payload"],
            "output": events["output"],
            "history": list_ranges(starts_Q, ends_Q),
        }
        yield pa.table(columns).cast(QUESTION_SCHEMA)


def list_ranges(starts_Q: NDArray[np.int64], ends_Q: NDArray[np.int64]) -> pa.ListArray:
    """Return lists of the whole numbers from each start up to before each end.

    Example:
        >>> list_ranges(np.array([0, 5]), np.array([2, 5])).to_pylist()
        [[0, 1], []]
    """
    lengths_Q = ends_Q - starts_Q
    offsets = np.concatenate([[0], np.cumsum(lengths_Q)])
    numbers_L = np.arange(offsets[-1]) + np.repeat(starts_Q - offsets[:-1], lengths_Q)
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), pa.array(numbers_L.astype(np.int32))
    )
