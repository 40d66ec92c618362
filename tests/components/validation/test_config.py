"""Thresholds: one for each rule, strict about names and ranges."""

from typing import get_args

import pytest
from pydantic import ValidationError

from components.validation.config import RowRule, Thresholds, ValidationConfig


def test_every_rule_about_rows_has_a_threshold() -> None:
    assert set(Thresholds.model_fields) == set(get_args(RowRule))


def test_one_threshold_is_changed_and_the_others_stay() -> None:
    config = ValidationConfig.model_validate({"thresholds": {"labels": 0.2}})
    assert config.thresholds.of("labels") == 0.2
    assert config.thresholds.of("emptiness") == 0.05
    assert config.thresholds.of("schema") == 0


def test_severity_comes_from_the_config() -> None:
    config = ValidationConfig(warning_rules=("labels",))
    assert config.severity_of("labels") == "warning"
    assert config.severity_of("time_order") == "critical"


@pytest.mark.parametrize(
    "values",
    [
        {"thresholds": {"label": 0.2}},
        {"thresholds": {"labels": 1.2}},
        {"thresholds": {"schema": 0.2}},
        {"warning_rules": ["schema"]},
    ],
)
def test_unknown_names_and_ranges_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ValidationConfig.model_validate(values)
