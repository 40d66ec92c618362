"""One row of a source: its fields as text, time or label, with errors that name the place."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from components.tasks.task import Task

MAX_SHOWN = 40
SURROGATE = re.compile("[\ud800-\udfff]")
"""JSON can name it by an escape; no text can be written with it."""


@dataclass(frozen=True, slots=True)
class Record:
    """A row, and where it stands ("reviews.csv, row 17"), for errors."""

    place: str
    values: Mapping[str, Any]

    def error(self, field: str, problem: str) -> ValueError:
        """Return the error that says what is wrong with a field of this row."""
        return ValueError(f"{self.place}, field {field!r}: {problem}")

    def require(self, field: str) -> Any:
        """Return a field's value.

        Raises:
            ValueError: If the field is absent or null.
        """
        if field not in self.values:
            raise self.error(
                field, f"is missing; there are {_shorten(sorted(map(str, self.values)))}"
            )
        if not self.has_value(field):
            raise self.error(field, "has no value")
        return self.values[field]

    def has_value(self, field: str) -> bool:
        """Return whether a field is there, and not null."""
        value = self.values.get(field)
        return not (value is None or (isinstance(value, float) and math.isnan(value)))

    def text(self, field: str) -> str:
        """Return a text, perhaps empty; a number as its digits, 5 and 5.0 both as "5".

        Raises:
            ValueError: If the field is absent, null, neither text nor number, or no valid Unicode.
        """
        value = self.require(field)
        if isinstance(value, str):
            if not value.isascii() and SURROGATE.search(value):
                raise self.error(field, "holds half a character (a surrogate without its other)")
            return value
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        if isinstance(value, int | float | date) and not isinstance(value, bool):
            return str(value)
        raise self.error(field, f"is {type(value).__name__}, expected text or a number")

    def identifier(self, field: str) -> str:
        """Return a text that is not blank.

        Raises:
            ValueError: As `text`, or if it is blank.
        """
        text = self.text(field)
        if not text.strip():
            raise self.error(field, "is blank, expected an id")
        return text

    def output(self, field: str, task: Task) -> str:
        """Return the output: one of the task's labels, for a task without labels any text.

        Raises:
            ValueError: As `text`, or if it is none of the labels.
        """
        text = self.text(field)
        if task.labels and text not in task.labels:
            raise self.error(field, f"label {_shorten(text)} is none of {list(task.labels)}")
        return text

    def time(self, field: str) -> datetime:
        """Return a time in UTC, in whole seconds, without time zone.

        Raises:
            ValueError: If the field is absent, null or no time.
        """
        value = self.require(field)
        try:
            return parse_time(value)
        except (ValueError, OverflowError, OSError) as err:
            raise self.error(
                field,
                f"{_shorten(value)} is no date; allowed are ISO 8601 (2024-05-31, "
                "2024-05-31T12:00:00Z), a year, or Unix seconds",
            ) from err


def _shorten(value: Any) -> str:
    """Return the beginning of a value: what stands in a wrong column may be a user's text."""
    shown = repr(value)
    return shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}..."


def parse_time(value: Any) -> datetime:
    """Turn an ISO 8601 text, a year, Unix seconds or a date into UTC whole seconds.

    Texts of digits are a year (4), an ISO 8601 date (8) or Unix seconds (9 or more). A whole number
    of four digits is a year too: 2011 is far more often one than the 34th minute of 1970.

    Raises:
        ValueError: If the value is none of these.
    """
    if isinstance(value, str):
        value = _parse_text(value.strip())
    if isinstance(value, datetime):
        time = value
    elif isinstance(value, date):
        time = datetime(value.year, value.month, value.day)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        is_year = 1000 <= value <= 9999 and value == int(value)
        time = datetime(int(value), 1, 1) if is_year else _from_unix(value)
    else:
        raise ValueError(f"no time: {value!r}")
    if time.tzinfo is not None:
        time = time.astimezone(UTC).replace(tzinfo=None)
    return time.replace(microsecond=0)


def _from_unix(seconds: float) -> datetime:
    return datetime.fromtimestamp(math.floor(seconds), UTC)


def _parse_text(text: str) -> datetime | float:
    digits = text.partition(".")[0]
    if digits.isdecimal() and len(digits) >= 9:
        return float(text)
    if digits.isdecimal() and len(text) == 4:
        return datetime(int(text), 1, 1)
    return datetime.fromisoformat(text)
