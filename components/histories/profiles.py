"""The history items of LaMP's profiles: each once a user, and whose they are."""

from datetime import datetime
from typing import Any

from components.histories.record import Record
from components.histories.tables import ItemRow
from components.tasks.task import Task

ItemKey = tuple[str, str]
"""A user's id and an item's id."""


class ProfileItems:
    """Collects the items of all profiles; the same item in several profiles is one row."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._rows: dict[ItemKey, ItemRow] = {}
        self._sources: dict[ItemKey, Any] = {}
        self._latest: tuple[Any, list[Any], tuple[str, list[ItemKey]]] | None = None

    def add_profile(self, question: Record, question_id: str) -> tuple[str, list[ItemKey]]:
        """Take in a question's profile; return its user and its items, oldest first.

        A question may name its user (`user_id`). Without it, questions that share their oldest
        item belong to one user, and one without history is a user of its own.

        Raises:
            ValueError: If the profile or an item is bad, or an id stands for two items.
        """
        profile = question.require("profile")
        if not isinstance(profile, list):
            raise question.error("profile", f"is {type(profile).__name__}, expected a list")
        user = question.values.get("user_id")
        if profile and self._latest is not None and self._latest[:2] == (user, profile):
            return self._latest[2]
        records = [
            Record(f"{question.place}, profile item {number}", _as_object(question, number, item))
            for number, item in enumerate(profile, start=1)
        ]
        named = [(record.identifier("id"), record, _read_time(record)) for record in records]
        named.sort(key=lambda entry: _order(entry[2]))
        if "user_id" in question.values:
            user_id = question.identifier("user_id")
        else:
            user_id = f"item:{named[0][0]}" if named else f"question:{question_id}"
        keys: dict[ItemKey, None] = {}
        for item_id, record, time in named:
            key = (user_id, item_id)
            if key in keys:
                raise record.error("id", f"{item_id!r} stands twice in this profile")
            self._add_item(key, record, time)
            keys[key] = None
        # A user's questions often stand together, each with the same profile.
        self._latest = (user, profile, (user_id, list(keys)))
        return self._latest[2]

    def sort(self) -> tuple[list[ItemRow], dict[ItemKey, int]]:
        """Return the rows by user, time (unknown first) and first appearance, and their numbers."""
        keys = sorted(self._rows, key=lambda key: (key[0], _order(self._rows[key]["time"])))
        return [self._rows[key] for key in keys], {key: row for row, key in enumerate(keys)}

    def _add_item(self, key: ItemKey, record: Record, time: datetime | None) -> None:
        if key in self._rows:
            if self._sources[key] != record.values:
                raise record.error(
                    "id", f"{key[1]!r} stood for another item of user {key[0]!r} before"
                )
            return
        task = self._task
        fields = {name: record.text(name) for name in task.history_fields}
        output = None
        if task.output_field is not None:
            output = fields[task.output_field] = record.output(task.output_field, task)
        self._sources[key] = record.values
        self._rows[key] = ItemRow(
            user_id=key[0],
            item_id=key[1],
            time=time,
            text=task.render_item(fields),
            input=record.text(task.input_field),
            output=output,
        )


def _as_object(question: Record, number: int, item: Any) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise question.error("profile", f"item {number} is {type(item).__name__}, not an object")
    return item


def _read_time(record: Record) -> datetime | None:
    return record.time("date") if "date" in record.values else None


def _order(time: datetime | None) -> tuple[bool, datetime]:
    return (time is not None, time or datetime.min)
