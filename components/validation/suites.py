"""The rules, as suites of expectations: one suite for each frame.

Every rule judges the histories as they came, so no rule's outcome depends on the order of rules.
What becomes of a defective row:

- An empty item or question, or one with an unknown label, goes to quarantine.
- Rows that share an id go to quarantine, all of them: which one is right can't be told.
- A history link out of order (or to another user's item) goes to quarantine, and the question
  stays, with a shorter history: one item of the same day is no reason to lose a question.
- A question whose gold stands in its own history goes to quarantine, not the link: without that
  item the history would no longer be what the user had at the time. Only text tasks: a label
  rightly stands in histories.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from components.tasks.task import Task
from components.validation.config import Rule
from components.validation.frames import ITEM_TEXTS, QUESTION_TEXTS
from components.validation.report import TableName


@dataclass(frozen=True)
class Check:
    """One expectation that a frame's rows must meet, and what it is called where they don't."""

    rule: Rule
    table: TableName
    expectation: str
    """Great Expectations' name of a stock or registered expectation about rows."""
    arguments: dict[str, Any]
    reason: str
    """What is wrong with a row that fails; stands in the quarantine."""


@dataclass(frozen=True)
class Unchecked:
    """A rule that has no meaning for this task."""

    rule: Rule
    table: TableName
    reason: str


@dataclass(frozen=True)
class Suite:
    """What is expected of one frame."""

    name: str
    checks: Sequence[Check]
    unchecked: Sequence[Unchecked] = field(default=())


NOTHING_TO_CHECK: dict[Rule, str] = {
    "schema": "there are no columns",
    "emptiness": "the table has no rows",
    "uniqueness": "the table has no rows",
    "ownership": "no question has a history",
    "time_order": "no history link has a time both on its question and on its item",
    "gold_in_history": "no history holds outputs to compare with",
    "labels": "no row has an output",
}
"""Why a rule is not checkable when none of its checks found a row to judge."""

WRONG_COLUMNS = "the columns are not as they should be"
"""Why no rule about rows is checkable when the rule `schema` fails."""

TEXTS_IN_WORDS = {
    "user_id": "user id",
    "item_id": "item id",
    "text": "text for the history encoder",
    "input": "input text",
    "question_id": "question id",
    "split": "split",
    "payload": "payload",
    "output": "gold",
}


def schema_suite(table: TableName) -> Suite:
    """Every column of a table is there with its type, and no other."""
    return Suite(
        f"{table}_columns",
        [
            Check(
                "schema",
                table,
                "expect_column_pair_values_to_be_equal",
                {"column_A": "type", "column_B": "expected_type"},
                "the column is missing, unknown or of another type",
            )
        ],
    )


def items_suite(task: Task) -> Suite:
    """No blank text or id, ids unique within a user, labels of the task."""
    return Suite(
        "items",
        [
            *_emptiness_checks("items", ITEM_TEXTS),
            Check(
                "uniqueness",
                "items",
                "expect_compound_columns_to_be_unique",
                {"column_list": ["user_id", "item_id"]},
                "another item of the user has the same id",
            ),
            *_label_checks("items", task),
        ],
        _unchecked_labels("items", task),
    )


def questions_suite(task: Task) -> Suite:
    """No blank text, gold or id, ids unique, labels of the task, gold not in the history."""
    checks = [
        *_emptiness_checks("questions", QUESTION_TEXTS),
        Check(
            "emptiness",
            "questions",
            "expect_column_values_to_not_be_null",
            {"column": "history_length"},
            "has no list of history items",
        ),
        Check(
            "uniqueness",
            "questions",
            "expect_column_values_to_be_unique",
            {"column": "question_id"},
            "another question has the same id",
        ),
        *_label_checks("questions", task),
    ]
    unchecked = _unchecked_labels("questions", task)
    if task.labels:
        reason = f"answers are labels (kind {task.kind}), which histories rightly hold"
        unchecked.append(Unchecked("gold_in_history", "questions", reason))
    else:
        checks.append(
            Check(
                "gold_in_history",
                "questions",
                "expect_column_values_to_be_between",
                {"column": "golds_in_history", "max_value": 0},
                "the gold is the output of an item of its own history",
            )
        )
    return Suite("questions", checks, unchecked)


def links_suite() -> Suite:
    """Each history item is the asking user's own, and strictly before the question."""
    return Suite(
        "history_links",
        [
            Check(
                "ownership",
                "history_links",
                "expect_column_values_to_be_in_set",
                {"column": "own_item", "value_set": [True]},
                "the history points at no item, or at another user's",
            ),
            Check(
                "time_order",
                "history_links",
                "expect_column_pair_values_a_to_be_greater_than_b",
                {
                    "column_A": "question_time",
                    "column_B": "item_time",
                    "ignore_row_if": "either_value_is_missing",
                },
                "the item is not strictly before its question",
            ),
        ],
    )


def _emptiness_checks(table: TableName, columns: Sequence[str]) -> list[Check]:
    return [
        Check(
            "emptiness",
            table,
            "expect_column_values_to_be_between",
            {"column": f"{column}_length", "min_value": 1},
            f"the {TEXTS_IN_WORDS[column]} is blank or missing",
        )
        for column in columns
    ]


def _label_checks(table: TableName, task: Task) -> list[Check]:
    if not task.labels:
        return []
    return [
        Check(
            "labels",
            table,
            "expect_column_values_to_be_in_set",
            {"column": "label", "value_set": list(task.labels)},
            "the output is none of the task's labels",
        )
    ]


def _unchecked_labels(table: TableName, task: Task) -> list[Unchecked]:
    return [] if task.labels else [Unchecked("labels", table, "a text task has no labels")]
