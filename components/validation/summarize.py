"""From checks to rules: what each rule found in each table, as figures and first ids."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.validation.config import Rule, ValidationConfig
from components.validation.engine import CheckResult, SuiteResult
from components.validation.quarantine import name_rows
from components.validation.report import MAX_IDS, RuleResult, TableName
from components.validation.source_tables import SourceTables
from components.validation.suites import NO_ROWS, NOTHING_TO_CHECK, WRONG_COLUMNS

RuleInTable = tuple[Rule, TableName]


@dataclass(frozen=True)
class RowNames:
    """What rows are called in a report."""

    columns: dict[TableName, pd.DataFrame]
    """The frames that the rule `schema` judged."""
    tables: SourceTables | None = None
    """None if no rows were judged."""

    def first(self, place: RuleInTable, rows: np.ndarray) -> tuple[str, ...]:
        """Return the names of the first few rows, or columns for the rule `schema`."""
        rule, table = place
        if rule == "schema":
            found = self.columns[table].iloc[rows[:MAX_IDS]]
            return tuple(
                f"{row.column} ({row.type}; expected {row.expected_type})"
                for row in found.itertuples()
            )
        assert self.tables is not None
        return name_rows(self.tables, table, rows)


def summarize(
    suites: Sequence[SuiteResult], config: ValidationConfig, names: RowNames
) -> tuple[RuleResult, ...]:
    """Put the checks of each rule and table together; a suite that did not run is not checkable.

    A row that fails several checks of a rule counts once.
    """
    found: dict[RuleInTable, list[CheckResult]] = {}
    reasons: dict[RuleInTable, str] = {}
    for suite in suites:
        for check in suite.suite.checks:
            place = (check.rule, check.table)
            found.setdefault(place, [])
            nothing = NOTHING_TO_CHECK.get(check.rule, NO_ROWS)
            reasons[place] = nothing if suite.results else WRONG_COLUMNS
        for unchecked in suite.suite.unchecked:
            place = (unchecked.rule, unchecked.table)
            found[place], reasons[place] = [], unchecked.reason
        for result in suite.results:
            found[result.check.rule, result.check.table].append(result)
    return tuple(
        _summarize_rule(place, results, reasons[place], config, names)
        for place, results in found.items()
    )


def _summarize_rule(
    place: RuleInTable,
    results: Sequence[CheckResult],
    reason_unchecked: str,
    config: ValidationConfig,
    names: RowNames,
) -> RuleResult:
    rule, table = place
    checked = max((result.checked for result in results), default=0)
    failing = [result for result in results if len(result.rows)]
    rows = np.unique(np.concatenate([result.rows for result in failing])) if failing else None
    failed = 0 if rows is None else len(rows)
    reason = "" if checked else reason_unchecked
    if rows is not None:
        reason = " or ".join(sorted({result.check.reason for result in failing}))
    return RuleResult(
        rule=rule,
        table=table,
        severity=config.severity_of(rule),
        status="not_checkable" if not checked else "passed" if rows is None else "failed",
        checked=checked,
        failed=failed,
        share=failed / checked if checked else 0.0,
        threshold=config.thresholds.of(rule),
        ids=() if rows is None else names.first(place, rows),
        reason=reason,
    )
