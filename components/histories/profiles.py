"""The history items of LaMP's profiles: each once a user, and whose they are.

All profiles together may be larger than memory. So the items wait for their order in a temporary
SQLite database: a file that SQLite removes by itself.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from components.histories.record import Record
from components.histories.tables import ITEM_SCHEMA, ROWS_PER_BATCH, QuestionRow
from components.tasks.task import Task

ItemNumbers = NDArray[np.int32]
"""Items by the order in which they first appeared, from 1."""

SCHEMA = """
PRAGMA journal_mode = OFF;
CREATE TABLE items (
    number INTEGER PRIMARY KEY, digest BLOB, user_id TEXT, item_id TEXT, time INTEGER,
    text TEXT, input TEXT, output TEXT, UNIQUE (user_id, item_id)
)
"""
ORDER = "ORDER BY user_id, time, number"  # a time that is unknown comes first
EPOCH = datetime(1970, 1, 1)


class ProfileItem(NamedTuple):
    """One item of a profile."""

    item_id: str
    record: Record
    time: datetime | None


def read_profile(question: Record) -> list[ProfileItem]:
    """Return the items of a question's profile, oldest first; those without a date come before.

    Raises:
        ValueError: If the profile or an item is bad, or an id stands twice.
    """
    profile = question.require("profile")
    if not isinstance(profile, list):
        raise question.error("profile", f"is {type(profile).__name__}, expected a list")
    items: dict[str, ProfileItem] = {}
    for number, values in enumerate(profile, start=1):
        if not isinstance(values, dict):
            raise question.error(
                "profile", f"item {number} is {type(values).__name__}, not an object"
            )
        record = Record(f"{question.place}, profile item {number}", values)
        item = ProfileItem(record.identifier("id"), record, _read_time(record))
        if item.item_id in items:
            raise record.error("id", f"{item.item_id!r} stands twice in this profile")
        items[item.item_id] = item
    return sorted(items.values(), key=lambda item: _order(item.time))


class ProfileItems:
    """Collects the items of all profiles; the same item in several profiles is one row."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._database = sqlite3.connect("")
        self._database.executescript(SCHEMA)
        self._latest: tuple[Any, list[Any], tuple[str, ItemNumbers]] | None = None

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the database."""
        self._database.close()

    def add_profile(self, question: Record, question_id: str) -> tuple[str, ItemNumbers]:
        """Take in a question's profile; return its user and its items, oldest first.

        A question may name its user (`user_id`). Without it, questions that share their oldest
        item belong to one user, and one without history is a user of its own.

        Raises:
            ValueError: If the profile or an item is bad, or an id stands for two items.
        """
        profile = question.values.get("profile")
        user = question.values.get("user_id")
        if profile and self._latest is not None and self._latest[:2] == (user, profile):
            return self._latest[2]
        items = read_profile(question)
        if "user_id" in question.values:
            user_id = question.identifier("user_id")
        else:
            user_id = f"item:{items[0].item_id}" if items else f"question:{question_id}"
        numbers = [self._find_item(user_id, item) for item in items]
        # A user's questions often stand together, each with the same profile.
        found = user_id, np.array(numbers, dtype=np.int32)
        self._latest = (user, question.require("profile"), found)
        return found

    def date(self, question: QuestionRow) -> QuestionRow:
        """Give a question without a time that of the item with its user, id and input, if any."""
        if question["time"] is not None:
            return question
        found = self._database.execute(
            "SELECT time FROM items WHERE user_id = ? AND item_id = ? AND input = ?",
            (question["user_id"], question["question_id"], question["payload"]),
        ).fetchone()
        if found is None or found[0] is None:
            return question
        return {**question, "time": EPOCH + timedelta(seconds=found[0])}

    def number_rows(self) -> NDArray[np.int32]:
        """Return the row that each item has in `tables`, by its number; there is no item 0."""
        order = self._database.execute(f"SELECT number FROM items {ORDER}")
        numbers = np.fromiter((number for (number,) in order), dtype=np.int32)
        rows = np.empty(len(numbers) + 1, dtype=np.int32)
        rows[numbers] = np.arange(len(numbers))
        return rows

    def tables(self) -> Iterator[pa.Table]:
        """Yield the items by user, time (unknown first) and first appearance."""
        columns = ", ".join(ITEM_SCHEMA.names)
        cursor = self._database.execute(f"SELECT {columns} FROM items {ORDER}")
        while rows := cursor.fetchmany(ROWS_PER_BATCH):
            yield pa.table(list(zip(*rows, strict=True)), schema=ITEM_SCHEMA)

    def _find_item(self, user_id: str, item: ProfileItem) -> int:
        """Return the number of an item, which is added if it is new."""
        item_id, record, time = item
        source = json.dumps(record.values, sort_keys=True).encode()
        digest = hashlib.blake2b(source, digest_size=16).digest()
        known = self._database.execute(
            "SELECT number, digest FROM items WHERE user_id = ? AND item_id = ?", (user_id, item_id)
        ).fetchone()
        if known is None:
            row = (digest, user_id, item_id, time and (time - EPOCH) // timedelta(seconds=1))
            number = self._database.execute(
                "INSERT INTO items VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", (*row, *self._read(record))
            ).lastrowid
            assert number is not None
            return number
        if known[1] != digest:
            raise record.error(
                "id", f"{item_id!r} stood for another item of user {user_id!r} before"
            )
        return int(known[0])

    def _read(self, record: Record) -> tuple[str, str, str | None]:
        """Return an item's text, input and output."""
        task = self._task
        fields = {name: record.text(name) for name in task.history_fields}
        output = None
        if task.output_field is not None:
            output = fields[task.output_field] = record.output(task.output_field, task)
        return task.render_item(fields), record.text(task.input_field), output


def _read_time(record: Record) -> datetime | None:
    return record.time("date") if "date" in record.values else None


def _order(time: datetime | None) -> tuple[bool, datetime]:
    return (time is not None, time or datetime.min)
