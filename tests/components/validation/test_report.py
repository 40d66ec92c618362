"""Figures of the report: counts that add up, sentences, and per cents."""

import pytest
from pydantic import ValidationError as PydanticError

from components.validation.report import (
    RuleResult,
    TableCounts,
    format_share,
    write_report,
    write_verdict,
)


def make_result(failed: int, threshold: float = 0.05, **values: object) -> RuleResult:
    fields = {
        "rule": "time_order",
        "table": "history_links",
        "severity": "critical",
        "status": "failed" if failed else "passed",
        "checked": 100,
        "failed": failed,
        "share": failed / 100,
        "threshold": threshold,
        "ids": ("q1 < i1",),
        "reason": "too late",
    }
    return RuleResult.model_validate(fields | values)


def test_counts_must_add_up() -> None:
    TableCounts(table="items", counts_in=5, kept=3, quarantined=2)
    with pytest.raises(PydanticError, match="does not add up"):
        TableCounts(table="items", counts_in=5, kept=3, quarantined=1)


@pytest.mark.parametrize(
    ("failed", "severity", "stops"),
    [(5, "critical", False), (6, "critical", True), (6, "warning", False), (0, "critical", False)],
)
def test_more_than_the_threshold_stops(failed: int, severity: str, stops: bool) -> None:
    assert make_result(failed, severity=severity).stops is stops


def test_the_verdict_names_the_first_of_the_rules_that_stop() -> None:
    rules = (make_result(5), make_result(7), make_result(9))
    assert write_verdict(rules, ()) == (
        "The run stops: rule 'time_order' fails for 7 of 100 history links (share 0.07, threshold "
        "0.05): too late; for example q1 < i1 (1 more above theirs)."
    )


def test_the_worst_rules_come_first() -> None:
    passed, small, large = make_result(0), make_result(5), make_result(6)
    warning = make_result(50, severity="warning")
    unchecked = make_result(0, status="not_checkable")
    report = write_report("t", (unchecked, warning, passed, small, large, passed), (), ())
    assert report.worst_first == (large, small, warning, passed, passed, unchecked)


def test_warnings_are_named_in_the_verdict() -> None:
    counts = (TableCounts(table="items", counts_in=5, kept=5, quarantined=0),)
    assert write_verdict((make_result(7, severity="warning"),), counts) == (
        "The histories can be used: all 5 history items are kept; rules that warn: 'time_order' "
        "for 7 of 100 history links."
    )


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (0.00001, "< 0.01 %"),
        (0.0005, "0.05 %"),
        (0.05, "5 %"),
        (0.0123, "1.23 %"),
        (0.12345, "12.3 %"),
        (1, "100 %"),
    ],
)
def test_shares_are_short(share: float, text: str) -> None:
    assert format_share(share) == text
