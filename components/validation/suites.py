"""The rules, as suites of expectations: one suite for each table.

Every rule judges the histories as they came, so no rule's outcome depends on the order of rules.
What becomes of a defective row, if the rule is critical:

- A row of items or questions goes to quarantine, whatever is wrong with it. Rows that share an id
  go, all of them: which one is right can't be told.
- A history link out of order (or to another user's item) goes to quarantine, and the question
  stays, with a shorter history: one item of the same day is no reason to lose a question.
- A question whose gold stands in its own history goes to quarantine, not the link: without that
  item the history would no longer be what the user had at the time. Only text tasks: a label
  rightly stands in histories.
- Of a question that is asked in two splits, the one of the earlier split goes: what is trained on
  must not be tested.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from components.tasks.task import Task
from components.validation.config import RowRule, Rule, ValidationConfig
from components.validation.frames import ITEM_TEXTS, QUESTION_TEXTS
from components.validation.report import TableName


@dataclass(frozen=True)
class Check:
    """One expectation that a frame's rows must meet, and what it is called where they don't."""

    rule: Rule
    table: TableName
    expectation: str
    """Great Expectations' name of a stock expectation about rows, or of one of ours."""
    arguments: dict[str, Any]
    reason: str
    """What is wrong with a row that fails; stands in the quarantine."""
    shows_values: bool = True
    """Whether Data Docs show values that fail; a flag's say nothing."""


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


NO_ROWS = "the table has no rows"
NOTHING_TO_CHECK: dict[Rule, str] = {
    "schema": "there are no columns",
    "labels": "no row has an output",
    "clock": "no row has a time",
    "ownership": "no question has a history",
    "time_order": "no history link has a time both on its question and on its item",
    "gold_in_history": "no question has a history with outputs to compare with",
    "near_gold": "no question has a history",
}
"""Why a rule is not checkable when none of its checks found a row to judge; else NO_ROWS."""

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

FLAG_CHECKS: dict[str, tuple[RowRule, str, str]] = {
    "unreadable": (
        "readability",
        "expect_texts_to_be_readable",
        "a text has broken or control characters, or neither letter, digit nor symbol",
    ),
    "repeated_id": ("uniqueness", "expect_ids_to_be_unique", "the same id stands twice"),
    "future": ("clock", "expect_times_not_in_the_future", "the time is in the future"),
    "unset_clock": ("clock", "expect_clocks_to_be_set", "the time is before 1971"),
    "one_time": (
        "clock",
        "expect_users_to_have_several_times",
        "all items of the user have one timestamp",
    ),
    "near_duplicate": (
        "near_duplicates",
        "expect_no_near_duplicates",
        "nearly repeats an earlier item of the user",
    ),
    "shared_text": ("shared_texts", "expect_texts_of_one_user", "another user has the same text"),
    "erased_user": ("erased_users", "expect_no_erased_users", "the user was erased"),
    "personal_data": ("personal_data", "expect_no_personal_data", "a text holds personal data"),
    "split_overlap": (
        "split_overlap",
        "expect_question_in_one_split",
        "the same is asked in a later split",
    ),
    "gold_in_history": (
        "gold_in_history",
        "expect_gold_not_in_history",
        "the gold is the output of an item of its own history",
    ),
    "near_gold": (
        "near_gold",
        "expect_no_near_gold_in_history",
        "its text is nearly an item of its own history, or (text tasks) its gold nearly an output",
    ),
    "foreign_item": (
        "ownership",
        "expect_items_to_be_the_users_own",
        "the history points at no item, or at another user's",
    ),
    "late_item": (
        "time_order",
        "expect_items_before_their_question",
        "the item is not strictly before its question",
    ),
}
"""For each flag its rule, the expectation about it, and what is wrong with a flagged row."""

FLAGS: dict[TableName, tuple[str, ...]] = {
    "items": (
        *("unreadable", "repeated_id", "future", "unset_clock", "one_time", "near_duplicate"),
        *("shared_text", "erased_user", "personal_data"),
    ),
    "questions": (
        *("unreadable", "repeated_id", "future", "unset_clock", "erased_user", "personal_data"),
        *("split_overlap", "gold_in_history", "near_gold"),
    ),
    "history_links": ("foreign_item", "late_item"),
}
"""The flags of each table."""


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


def row_suites(task: Task, config: ValidationConfig) -> dict[TableName, Suite]:
    """Return what is expected of the rows of each table, for this task and these settings."""
    has_history = Check(
        "emptiness",
        "questions",
        "expect_column_values_to_not_be_null",
        {"column": "history_length"},
        "has no list of history items",
    )
    return {
        "items": _build_suite("items", _text_checks("items", ITEM_TEXTS, config), task, config),
        "questions": _build_suite(
            "questions",
            [*_text_checks("questions", QUESTION_TEXTS, config), has_history],
            task,
            config,
        ),
        "history_links": _build_suite("history_links", [], task, config),
    }


def _build_suite(
    table: TableName, checks: list[Check], task: Task, config: ValidationConfig
) -> Suite:
    """Add the checks of labels and flags, without those that have no meaning here."""
    unchecked: list[Unchecked] = []
    if table != "history_links":
        if task.labels:
            checks.append(_label_check(table, task))
        else:
            unchecked.append(Unchecked("labels", table, "a text task has no labels"))
    for flag in FLAGS[table]:
        rule, expectation, reason = FLAG_CHECKS[flag]
        if meaningless := _explain_meaningless(rule, task, config):
            unchecked.append(Unchecked(rule, table, meaningless))
        else:
            checks.append(Check(rule, table, expectation, {"column": flag}, reason, False))
    return Suite(table, checks, unchecked)


def _explain_meaningless(rule: RowRule, task: Task, config: ValidationConfig) -> str:
    if rule == "gold_in_history" and task.labels:
        return f"answers are labels (kind {task.kind}), which histories rightly hold"
    if rule == "erased_users" and config.tombstones is None:
        return "no file of erased users is given (validation.tombstones)"
    return ""


def _text_checks(table: TableName, columns: Sequence[str], config: ValidationConfig) -> list[Check]:
    """No text is blank, and none is longer than allowed."""
    limit = config.max_text_length
    rules: tuple[tuple[RowRule, dict[str, int], str], ...] = (
        ("emptiness", {"min_value": 1}, "blank or missing"),
        ("size", {"max_value": limit}, f"longer than {limit:,} characters"),
    )
    return [
        Check(
            rule,
            table,
            "expect_column_values_to_be_between",
            {"column": f"{column}_length", **bounds},
            f"the {TEXTS_IN_WORDS[column]} is {wrong}",
        )
        for column in columns
        for rule, bounds, wrong in rules
    ]


def _label_check(table: TableName, task: Task) -> Check:
    return Check(
        "labels",
        table,
        "expect_column_values_to_be_in_set",
        {"column": "label", "value_set": list(task.labels)},
        "the output is none of the task's labels",
    )
