"""Runs every suite on histories: results by rule, counts by table, and what is sound."""

from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from components.histories.tables import ITEM_SCHEMA, QUESTION_SCHEMA, Histories
from components.tasks.task import Task
from components.validation.config import ValidationConfig
from components.validation.engine import Engine, SuiteResult
from components.validation.frames import (
    SourceTables,
    frame_columns,
    frame_items,
    frame_links,
    frame_questions,
    open_tables,
    take_apart,
)
from components.validation.quarantine import (
    QUARANTINE_SCHEMA,
    build_quarantine,
    build_sound_tables,
    sort_rows,
)
from components.validation.report import (
    RuleResult,
    TableCounts,
    TableName,
    ValidationReport,
    write_verdict,
)
from components.validation.suites import items_suite, links_suite, questions_suite, schema_suite
from components.validation.summarize import RowNames, summarize


@dataclass(frozen=True)
class Judgement:
    """Everything that is known once all rules have been checked."""

    report: ValidationReport
    suites: list[SuiteResult]
    quarantine: pa.Table
    sound: tuple[pa.Table, pa.Table] | None
    """Items and questions without defective rows; None where columns are wrong."""


def judge_histories(
    histories: Histories, task: Task, config: ValidationConfig, show_texts: bool
) -> Judgement:
    """Check every rule; rows are judged only if the columns are as they should be."""
    items, questions = open_tables(histories)
    columns: dict[TableName, pd.DataFrame] = {
        "items": frame_columns(items, ITEM_SCHEMA),
        "questions": frame_columns(questions, QUESTION_SCHEMA),
    }
    engine = Engine()
    schema = [engine.run(schema_suite(table), frame) for table, frame in columns.items()]
    if any(len(result.rows) for suite in schema for result in suite.results):
        unjudged = [items_suite(task), questions_suite(task), links_suite()]
        suites = schema + [SuiteResult(suite) for suite in unjudged]
        report = _build_report(task, summarize(suites, config, RowNames(columns)), ())
        return Judgement(report, suites, QUARANTINE_SCHEMA.empty_table(), None)
    tables = take_apart(items, questions)
    rows = _judge_rows(engine, tables, task, show_texts)
    suites = schema + rows
    sorting = sort_rows(tables, [result for suite in rows for result in suite.results])
    rules = summarize(suites, config, RowNames(columns, tables))
    return Judgement(
        _build_report(task, rules, sorting.counts()),
        suites,
        build_quarantine(tables, sorting.defects),
        build_sound_tables(tables, sorting),
    )


def _judge_rows(
    engine: Engine, tables: SourceTables, task: Task, show_texts: bool
) -> list[SuiteResult]:
    return [
        engine.run(items_suite(task), frame_items(tables, task, show_texts)),
        engine.run(questions_suite(task), frame_questions(tables, task, show_texts)),
        engine.run(links_suite(), frame_links(tables)),
    ]


def _build_report(
    task: Task, rules: tuple[RuleResult, ...], counts: tuple[TableCounts, ...]
) -> ValidationReport:
    verdict = write_verdict(rules, counts)
    return ValidationReport(task=task.name, verdict=verdict, rules=rules, counts=counts)
