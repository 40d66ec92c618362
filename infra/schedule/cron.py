"""Cron expressions as Kubernetes reads them, which is by robfig/cron's `ParseStandard`.

crontab's other habits it refuses: 7 for Sunday, ranges that begin behind their end, `L`, `#`. When
both days are restricted, one that matches is enough; `*` in either lets the other decide, and
`*/2` is a restriction.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from typing import NamedTuple

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MAX_YEARS = 5
"""What isn't due within them never is, to Kubernetes."""
NUMBER = re.compile(r"\d+", re.ASCII)


class Field(NamedTuple):
    """What may stand in a field."""

    name: str
    first: int
    last: int
    words: tuple[str, ...] = ()
    """Names of the numbers from `first` on."""


FIELDS = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day", 1, 31),
    Field("month", 1, 12, MONTHS),
    Field("weekday", 0, 6, WEEKDAYS),
)


class Times(NamedTuple):
    """What a field allows."""

    numbers: frozenset[int]
    is_any: bool
    """Whether a `*` lets the other day's field decide alone."""


@dataclass(frozen=True)
class Cron:
    """An expression that was read, by field."""

    minute: Times
    hour: Times
    day: Times
    month: Times
    weekday: Times

    def list_runs(self, start: datetime) -> Iterator[datetime]:
        """Yield when it is due after a time, in the same time zone; nothing if never."""
        clock = sorted(product(self.hour.numbers, self.minute.numbers))
        midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
        while midnight.year <= start.year + MAX_YEARS:
            if self._falls_on(midnight):
                runs = (midnight.replace(hour=hour, minute=minute) for hour, minute in clock)
                yield from (run for run in runs if run > start)
            midnight += timedelta(days=1)

    def _falls_on(self, date: datetime) -> bool:
        found = (
            date.day in self.day.numbers,
            date.isoweekday() % 7 in self.weekday.numbers,
        )
        is_day = all(found) if self.day.is_any or self.weekday.is_any else any(found)
        return is_day and date.month in self.month.numbers


def parse_cron(expression: str) -> Cron:
    """Read an expression.

    Args:
        expression: Minute, hour, day, month, weekday.

    Raises:
        ValueError: If Kubernetes' API would refuse it, or it is one of the few oddities that this
            takes for a mistake (`@weekly`, a field of commas); says which part.
    """
    parts = expression.split()
    if len(parts) != len(FIELDS):
        raise ValueError(f"got {len(parts)} fields")
    return Cron(*(_parse_field(part, field) for part, field in zip(parts, FIELDS, strict=True)))


def _parse_field(text: str, field: Field) -> Times:
    found = [_parse_range(one, field) for one in text.split(",") if one]
    if not found:
        raise ValueError(f"{field.name} {text!r}: holds no number")
    return Times(
        frozenset[int]().union(*(one.numbers for one in found)), any(one.is_any for one in found)
    )


def _parse_range(text: str, field: Field) -> Times:
    """Read `*`, `N` or `N-N`, each with `/N` behind it or not; `N/N` goes on to the end."""
    place = f"{field.name} {text!r}"
    ends, slash, step_text = text.partition("/")
    first_text, hyphen, last_text = ends.partition("-")
    step = _parse_number(step_text, place) if slash else 1
    if first_text in ("*", "?"):
        first, last = field.first, field.last
    else:
        first = _parse_number(first_text, place, field)
        last = field.last if slash else first
        if hyphen:
            last = _parse_number(last_text, place, field)
    if not (field.first <= first <= last <= field.last and step):
        raise ValueError(
            f"{place}: expected numbers from {field.first} to {field.last}, of a range the smaller "
            "first, and a step of 1 or more"
        )
    return Times(frozenset(range(first, last + 1, step)), first_text in ("*", "?") and step == 1)


def _parse_number(text: str, place: str, field: Field | None = None) -> int:
    words = () if field is None else field.words
    if field is not None and text.lower() in words:
        return field.first + words.index(text.lower())
    if not NUMBER.fullmatch(text):
        names = f", or one of {', '.join(words)}" if words else ""
        raise ValueError(f"{place}: {text!r} is no number{names}")
    return int(text)
