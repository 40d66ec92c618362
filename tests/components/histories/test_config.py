"""A source needs its section."""

import pytest

from components.histories.config import DataConfig


def test_default_is_the_simulator() -> None:
    assert DataConfig().source == "simulator"


@pytest.mark.parametrize("source", ["lamp", "interactions"])
def test_a_source_without_its_section_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match=f"no section '{source}'"):
        DataConfig.model_validate({"source": source})


def test_a_misspelt_field_is_named() -> None:
    with pytest.raises(ValueError, match="max_tets_questions"):
        DataConfig.model_validate({"lamp": {"folder": "x", "max_tets_questions": 3}})
