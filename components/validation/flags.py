"""Flags: what takes more than a length to tell about a row, one column of truth values a defect.

Flags are worked out over whole tables, since a copy may stand anywhere; then the frames are judged
piece by piece. A flag that is missing means that the row can't be judged.

Legend: I items, Q questions, L history links, U users.
"""

from datetime import UTC, datetime
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.histories.tables import SPLITS
from components.histories.timelines import rank_texts
from components.tasks.task import Task
from components.validation.config import ValidationConfig
from components.validation.folded_texts import split_words
from components.validation.near_copies import find_near_duplicates, find_shared_texts
from components.validation.near_golds import find_golds, find_near_inputs
from components.validation.report import TableName
from components.validation.source_tables import SourceTables, list_texts, take_or, take_texts
from components.validation.tombstones import ErasedUsers

Flags: TypeAlias = dict[str, Any]
"""Columns of truth values: numpy where every row is judged, else pandas' with missing ones."""

BROKEN = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\x{fffd}\x{fffe}\x{ffff}]"
"""Control characters, and what stands for bytes that were no character."""
WORD = r"[\pL\pN\pS]"
LINKS_AT_ONCE = 1 << 20
MIN_ITEMS_OF_ONE_TIME = 5
"""So many items of one user with one time are an import's time, not the user's."""


def flag_rows(
    tables: SourceTables,
    task: Task,
    config: ValidationConfig,
    erased: ErasedUsers | None,
    personal: dict[TableName, NDArray[np.bool_]],
) -> dict[TableName, Flags]:
    """Return the flags of each table.

    Args:
        tables: The rows.
        task: Text tasks have golds that must not stand in histories.
        config: Says what the present is.
        erased: Whose rows must not be there; None if nobody knows.
        personal: Which rows of items and questions hold personal data.
    """
    latest = config.latest_time or datetime.now(UTC)
    shared: dict[TableName, Flags] = {
        name: {
            "unreadable": _flag_unreadable(table, list_texts(name, task)),
            **_flag_times(table["time"], latest),
            "personal_data": personal[name],
        }
        for name, table in tables.with_texts.items()
    }
    if erased is not None:
        erased_U = np.array([user in erased for user in tables.user_ids.to_pylist()], bool)
        shared["items"]["erased_user"] = take_or(erased_U, tables.users_I, False)
        shared["questions"]["erased_user"] = take_or(erased_U, tables.users_Q, False)
    return {
        "items": shared["items"] | _flag_items(tables),
        "questions": shared["questions"] | _flag_questions(tables, task),
        "history_links": _flag_links(tables),
    }


def _flag_items(tables: SourceTables) -> Flags:
    items, users_I = tables.items, tables.users_I
    return {
        "repeated_id": _flag_repeated(rank_texts(items["item_id"]), users_I),
        "one_time": _flag_one_time(items["time"], users_I),
        "near_duplicate": find_near_duplicates(items["input"], users_I),
        "shared_text": find_shared_texts(items["input"], users_I),
    }


def _flag_questions(tables: SourceTables, task: Task) -> Flags:
    questions = tables.questions
    flags: Flags = {
        "repeated_id": _flag_repeated(rank_texts(questions["question_id"])),
        "split_overlap": _flag_split_overlap(tables),
    }
    texts = questions["payload"], tables.items["input"]
    links = tables.question_rows_L, tables.item_rows_L
    if task.labels:
        near_Q = find_near_inputs(*texts, *links)
    else:
        outputs = questions["output"], tables.items["output"]
        golds = find_golds(outputs[0], texts[0], outputs[1], texts[1], *links)
        near_Q = golds.near_Q
        flags["gold_in_history"] = _judge_where(golds.comparable_Q, golds.exact_Q)
    asked_L = tables.question_rows_L[tables.item_rows_L >= 0]
    has_history_Q = np.bincount(asked_L, minlength=len(questions)) > 0
    flags["near_gold"] = _judge_where(has_history_Q, near_Q)
    return flags


def _flag_links(tables: SourceTables) -> Flags:
    num_links = len(tables.item_rows_L)
    foreign_L, late_L, dated_L = np.zeros((3, num_links), bool)
    item_times, question_times = (
        table["time"].to_numpy() for table in (tables.items, tables.questions)
    )
    for start in range(0, num_links, LINKS_AT_ONCE):
        piece = slice(start, start + LINKS_AT_ONCE)
        items, questions = tables.item_rows_L[piece], tables.question_rows_L[piece]
        owners = take_or(tables.users_I, items, -1)
        foreign_L[piece] = (owners < 0) | (owners != tables.users_Q[questions])
        happened, asked = take_or(item_times, items, "NaT"), question_times[questions]
        dated_L[piece] = ~np.isnat(happened) & ~np.isnat(asked)
        day = happened.astype("datetime64[D]")
        # Midnight stands for a day whose hour nobody knows.
        is_same_day = (day == happened) & (day == asked.astype("datetime64[D]"))
        late_L[piece] = (happened >= asked) | is_same_day
    return {"foreign_item": foreign_L, "late_item": _judge_where(dated_L, late_L)}


def _flag_unreadable(table: pa.Table, columns: tuple[str, ...]) -> NDArray[np.bool_]:
    """Flag texts with broken characters, and those that are not blank but have no word."""
    unreadable = np.zeros(len(table), bool)
    for column in columns:
        texts = table[column]
        unreadable |= pc.fill_null(pc.match_substring_regex(texts, BROKEN), False).to_numpy()
        has_word = pc.match_substring_regex(texts, WORD)
        rows = np.flatnonzero(~pc.fill_null(has_word, True).to_numpy())
        lengths = pc.utf8_length(pc.utf8_trim_whitespace(take_texts(texts, rows)))
        unreadable[rows[lengths.to_numpy() > 0]] = True
    return unreadable


def _flag_times(times: pa.ChunkedArray, latest: datetime) -> Flags:
    known = times.to_numpy().astype("datetime64[s]")
    unknown = np.isnat(known)
    limits = {
        "future": known > np.datetime64(latest.astimezone(UTC).replace(tzinfo=None), "s"),
        "unset_clock": known < np.datetime64("1971-01-01", "s"),
    }
    return {name: _judge_where(~unknown, values) for name, values in limits.items()}


def _flag_one_time(times: pa.ChunkedArray, users_I: NDArray[np.int64]) -> Any:
    """Flag the items of users with several, all of the same time."""
    frame = pd.DataFrame({"user": users_I, "time": times.to_numpy().astype("datetime64[s]")})
    by_user = frame.groupby("user")["time"]
    count, earliest, latest = (by_user.transform(name) for name in ("count", "min", "max"))
    is_one = (count >= MIN_ITEMS_OF_ONE_TIME) & (earliest == latest)
    return _judge_where(frame["time"].notna().to_numpy(), is_one.to_numpy())


def _flag_split_overlap(tables: SourceTables) -> NDArray[np.bool_]:
    """Flag questions that are asked again in a later split.

    A long text is the same question whoever is asked; a short one ("good movie") only with the
    same user and gold.
    """
    texts_Q, is_long_Q = _hash_texts(tables.questions["payload"])
    golds_Q, _ = _hash_texts(tables.questions["output"])
    order = pa.array(SPLITS)
    splits_Q = pc.fill_null(pc.index_in(tables.questions["split"], value_set=order), -1).to_numpy()
    frame = pd.DataFrame(
        {
            "text": texts_Q,
            "user": np.where(is_long_Q, -1, tables.users_Q),
            "gold": np.where(is_long_Q, 0, golds_Q),
            "split": splits_Q,
        }
    )
    latest_Q = frame.groupby(["text", "user", "gold"])["split"].transform("max")
    is_known_Q = (is_long_Q | (tables.users_Q >= 0)) & (texts_Q != 0) & (splits_Q >= 0)
    overlap: NDArray[np.bool_] = is_known_Q & (frame["split"] < latest_Q).to_numpy()
    return overlap


def _hash_texts(texts: pa.ChunkedArray) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Return hashes, 0 of what has no word, and whether texts are long enough to be compared."""
    hashes, are_long = np.zeros(len(texts), np.uint64), np.zeros(len(texts), bool)
    for words in split_words(texts):
        hashes[words.rows], are_long[words.rows] = words.hash_texts(), words.are_long()
    return hashes, are_long


def _judge_where(is_judged: NDArray[np.bool_], flags: NDArray[np.bool_]) -> Any:
    """Return flags that are missing where nothing could be judged."""
    return pd.arrays.BooleanArray(flags & is_judged, ~is_judged)


def _flag_repeated(*columns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Flag the rows, all of them, whose numbers another row has too; -1 is no number."""
    frame = pd.DataFrame(dict(enumerate(columns)))
    repeated: NDArray[np.bool_] = frame.duplicated(keep=False).to_numpy()
    return repeated & (frame >= 0).all(axis=1).to_numpy()
