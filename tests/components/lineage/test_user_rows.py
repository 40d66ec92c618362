"""A user in folders: ann has items 0 to 3 and asks q0 and q1; bob 4 and 5, q2 and q3."""

from pathlib import Path

import pytest

from components.histories.tables import Histories
from components.lineage.user_rows import UserRows, find_in_histories, is_named
from components.validation.report import RuleResult, ValidationReport
from tests.components.validation.histories import make_rows, write


@pytest.fixture
def histories(tmp_path: Path) -> Histories:
    rows = make_rows()
    rows.questions[2]["split"] = "train"
    del rows.items[5]
    rows.questions[2]["history"] = [4]
    return write(tmp_path / "histories", rows)


def test_a_user_is_found_in_histories(histories: Histories) -> None:
    assert find_in_histories(histories, "ann") == UserRows(frozenset({"q0", "q1"}), trains=False)
    assert find_in_histories(histories, "bob") == UserRows(frozenset({"q2", "q3"}), trains=True)
    assert find_in_histories(histories, "an") is None


def name(table: str, example: str) -> ValidationReport:
    rule = RuleResult.model_validate(
        {
            "rule": "uniqueness",
            "table": table,
            "severity": "critical",
            "status": "failed",
            "checked": 9,
            "failed": 1,
            "share": 1 / 9,
            "threshold": 1.0,
            "ids": (example,),
        }
    )
    return ValidationReport(task="t", verdict="v", rules=(rule,), counts=(), personal_data=())


@pytest.mark.parametrize(
    ("table", "example", "expected"),
    [
        ("items", "ann/i0", True),
        ("items", "anna/i0", False),
        ("questions", "q1", True),
        ("questions", "q11", False),
        ("history_links", "q1 < i4", True),
        ("history_links", "q2 < i0", False),
    ],
)
def test_an_example_of_a_defect_names_its_user(table: str, example: str, expected: bool) -> None:
    assert is_named(name(table, example), "ann", frozenset({"q0", "q1"})) is expected
