"""A source needs its section."""

from typing import Any

import pytest

from components.histories.config import DataConfig


def test_default_is_the_simulator() -> None:
    assert DataConfig().source == "simulator"


@pytest.mark.parametrize("source", ["lamp", "interactions"])
def test_a_source_without_its_section_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match=f"no section '{source}'"):
        DataConfig.model_validate({"source": source})


@pytest.mark.parametrize(
    ("source", "is_dated"),
    [
        ({}, False),
        ({"source": "lamp", "lamp": {"folder": "x"}}, False),
        ({"source": "store"}, True),
        ({"source": "store", "store": {"split_by": "date"}}, True),
        ({"source": "store", "store": {"split_by": "user"}}, False),
    ],
)
def test_questions_are_dated_where_events_are_split_by_time(
    source: dict[str, Any], is_dated: bool
) -> None:
    assert DataConfig.model_validate(source).is_dated is is_dated


def test_a_misspelt_field_is_named() -> None:
    with pytest.raises(ValueError, match="max_tets_questions"):
        DataConfig.model_validate({"lamp": {"folder": "x", "max_tets_questions": 3}})
