"""Thresholds: one for each rule, strict about names and ranges."""

from typing import get_args

import pytest
from pydantic import ValidationError

from components.validation.config import RowRule, Severities, Thresholds, ValidationConfig


def test_every_rule_about_rows_has_a_threshold() -> None:
    rules = set(get_args(RowRule))
    assert set(Thresholds.model_fields) == rules
    assert set(Severities.model_fields) == rules - {"personal_data"}


def test_one_threshold_is_changed_and_the_others_stay() -> None:
    config = ValidationConfig.model_validate({"thresholds": {"labels": 0.2}})
    assert config.thresholds.of("labels") == 0.2
    assert config.thresholds.of("emptiness") == 0.05
    assert config.thresholds.of("schema") == 0


def test_severity_comes_from_the_config() -> None:
    config = ValidationConfig.model_validate({"severities": {"labels": "warning"}})
    assert config.severity_of("labels") == "warning"
    assert config.severity_of("time_order") == "critical"
    assert config.severity_of("near_duplicates") == "warning"
    assert config.severity_of("schema") == "critical"


@pytest.mark.parametrize(
    ("action", "severity"), [("report", "warning"), ("mask", "warning"), ("refuse", "critical")]
)
def test_personal_data_stops_only_where_it_is_refused(action: str, severity: str) -> None:
    config = ValidationConfig.model_validate({"personal_data": action})
    assert config.severity_of("personal_data") == severity
    assert config.thresholds.of("personal_data") == 0


@pytest.mark.parametrize(
    "values",
    [
        {"thresholds": {"label": 0.2}},
        {"thresholds": {"labels": 1.2}},
        {"thresholds": {"schema": 0.2}},
        {"severities": {"schema": "warning"}},
    ],
)
def test_unknown_names_and_ranges_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ValidationConfig.model_validate(values)
