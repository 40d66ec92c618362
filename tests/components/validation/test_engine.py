"""Great Expectations names the rows that we would, and keeps quiet."""

import logging
import os

import pandas as pd
import pytest

from components.validation.engine import Engine
from components.validation.suites import Check, Suite


def make_suite(name: str, expectation: str, **arguments: object) -> Suite:
    return Suite(name, [Check("labels", "items", expectation, arguments, "wrong")])


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


def test_rows_with_a_missing_value_are_not_checked(engine: Engine) -> None:
    frame = pd.DataFrame({"size": pd.Series([None, 0, 3, None, 2], dtype="Int64")})
    suite = make_suite("sizes", "expect_column_values_to_be_between", column="size", max_value=0)
    [result] = engine.run(suite, [frame]).results
    assert (result.checked, result.rows.tolist()) == (3, [2, 4])


def test_all_defective_rows_are_named(engine: Engine) -> None:
    frame = pd.DataFrame({"flag": [row % 3 > 0 for row in range(3000)]})
    suite = make_suite("flags", "expect_column_values_to_be_in_set", column="flag", value_set=[1])
    found = engine.run(suite, [frame])
    assert found.results[0].rows.tolist() == list(range(0, 3000, 3))
    assert len(found.sections) == 1


@pytest.mark.parametrize("rows_per_frame", [1, 7, 100])
def test_batches_add_up_to_the_whole(engine: Engine, rows_per_frame: int) -> None:
    sizes = pd.Series([None, 0, 3, 9, None, 2, 1, 5, 0, 6] * 3, dtype="Int64")
    frame = pd.DataFrame({"size": sizes, "late": (sizes > 2).astype("boolean")})
    checks = [
        Check("size", "items", "expect_column_values_to_be_between", arguments, "wrong")
        for arguments in ({"column": "size", "max_value": 2}, {"column": "size", "max_value": 9})
    ]
    late = {"column": "late"}
    checks.append(
        Check("time_order", "items", "expect_items_before_their_question", late, "", False)
    )
    suite = Suite("sizes", checks)
    pieces = [frame[start : start + rows_per_frame] for start in range(0, 30, rows_per_frame)]
    found = engine.run(suite, pieces)
    assert [result.check for result in found.results] == checks
    assert [result.checked for result in found.results] == [24, 24, 24]
    too_large = [2, 3, 7, 9, 12, 13, 17, 19, 22, 23, 27, 29]
    assert [result.rows.tolist() for result in found.results] == [too_large, [], too_large]
    assert found.sections == engine.run(suite, [frame]).sections
    shown = str(found.sections)
    assert shown.count("50% unexpected") == 2 and shown.count("0% unexpected") == 3
    assert "12" in shown and "before its question; the same second, or day" in shown


def test_an_expectation_that_cannot_be_checked_is_an_error(engine: Engine) -> None:
    suite = make_suite("typo", "expect_column_values_to_be_in_set", column="sise", value_set=[1])
    with pytest.raises(RuntimeError, match="sise"):
        engine.run(suite, [pd.DataFrame({"size": [1]})])


def test_nothing_is_logged_or_sent(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    suite = make_suite("quiet", "expect_column_values_to_not_be_null", column="size")
    with caplog.at_level(logging.INFO):
        Engine().run(suite, [pd.DataFrame({"size": [1, None]})])
    assert not caplog.records
    assert capfd.readouterr() == ("", "")
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"
