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
    [result] = engine.run(suite, frame).results
    assert (result.checked, result.rows.tolist()) == (3, [2, 4])


def test_all_defective_rows_are_named(engine: Engine) -> None:
    frame = pd.DataFrame({"flag": [row % 3 > 0 for row in range(3000)]})
    suite = make_suite("flags", "expect_column_values_to_be_in_set", column="flag", value_set=[1])
    found = engine.run(suite, frame)
    assert found.results[0].rows.tolist() == list(range(0, 3000, 3))
    assert len(found.sections) == 1


def test_an_expectation_that_cannot_be_checked_is_an_error(engine: Engine) -> None:
    suite = make_suite("typo", "expect_column_values_to_be_in_set", column="sise", value_set=[1])
    with pytest.raises(RuntimeError, match="sise"):
        engine.run(suite, pd.DataFrame({"size": [1]}))


def test_nothing_is_logged_or_sent(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    suite = make_suite("quiet", "expect_column_values_to_not_be_null", column="size")
    with caplog.at_level(logging.INFO):
        Engine().run(suite, pd.DataFrame({"size": [1, None]}))
    assert not caplog.records
    assert capfd.readouterr() == ("", "")
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"
