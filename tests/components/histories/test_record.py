"""Fields of a row: as text, id, label or time."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from components.histories.record import Record, parse_time
from components.tasks.task import Task


@pytest.mark.parametrize(
    ("value", "text"), [("a ", "a "), ("", ""), (5, "5"), (5.0, "5"), (2.5, "2.5")]
)
def test_text(value: Any, text: str) -> None:
    assert Record("f, row 1", {"x": value}).text("x") == text


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"y": 1}, "is missing; there are ['y']"),
        ({"x": None}, "has no value"),
        ({"x": float("nan")}, "has no value"),
        ({"x": True}, "is bool"),
        ({"x": ["a"]}, "is list"),
    ],
)
def test_what_is_no_text_names_place_and_field(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as caught:
        Record("f.csv, row 7", values).text("x")
    assert str(caught.value).startswith(f"f.csv, row 7, field 'x': {said}")


def test_an_error_shows_the_beginning_of_a_value_only() -> None:
    record = Record("f", {"x": "a text of a user who wrote it into the wrong column"})
    with pytest.raises(
        ValueError, match=r"'x': 'a text of a user who wrote it into the \.\.\. is no"
    ):
        record.time("x")


def test_an_id_is_not_blank() -> None:
    assert Record("f", {"x": 17}).identifier("x") == "17"
    with pytest.raises(ValueError, match="'x': is blank"):
        Record("f", {"x": " "}).identifier("x")


def test_output_is_one_of_the_labels(task: Task) -> None:
    assert Record("f", {"x": 3.0}).output("x", task) == "3"
    with pytest.raises(ValueError, match=r"f, row 2, field 'x': label '4' is none of \['1'"):
        Record("f, row 2", {"x": 4}).output("x", task)


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2020-02-29", datetime(2020, 2, 29)),
        ("20200229", datetime(2020, 2, 29)),
        ("2020", datetime(2020, 1, 1)),
        (2020, datetime(2020, 1, 1)),
        (2020.0, datetime(2020, 1, 1)),
        (1000, datetime(1000, 1, 1)),
        (9999, datetime(9999, 1, 1)),
        (10_000, datetime(1970, 1, 1, 2, 46, 40)),
        (7, datetime(1970, 1, 1, 0, 0, 7)),
        ("2020-02-29T23:30:00.9", datetime(2020, 2, 29, 23, 30)),
        ("2020-02-29T23:30:00-01:00", datetime(2020, 3, 1, 0, 30)),
        ("2020-02-29T23:30:00Z", datetime(2020, 2, 29, 23, 30)),
        (1582934400, datetime(2020, 2, 29)),
        (-1.5, datetime(1969, 12, 31, 23, 59, 58)),
        ("1582934400", datetime(2020, 2, 29)),
        ("1582934400.75", datetime(2020, 2, 29)),
        (date(2020, 2, 29), datetime(2020, 2, 29)),
        (datetime(2020, 2, 29, 1, tzinfo=timezone(timedelta(hours=1))), datetime(2020, 2, 29)),
        (datetime(2020, 2, 29, tzinfo=UTC), datetime(2020, 2, 29)),
    ],
)
def test_times_are_utc_in_whole_seconds(value: Any, time: datetime) -> None:
    assert parse_time(value) == time


@pytest.mark.parametrize("value", ["", "soon", "2021-02-29", "0000", "1582934400000", 1e30, True])
def test_a_date_that_is_none(value: Any) -> None:
    with pytest.raises(ValueError, match=r"f, row 3, field 'day': .* is no date"):
        Record("f, row 3", {"day": value}).time("day")
