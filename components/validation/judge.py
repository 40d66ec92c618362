"""Runs every suite on histories: results by rule, counts by table, and what is sound."""

from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from components.histories.tables import ITEM_SCHEMA, QUESTION_SCHEMA, Histories
from components.tasks.task import Task
from components.validation.config import ValidationConfig
from components.validation.engine import Engine, SuiteResult
from components.validation.flags import flag_rows
from components.validation.frames import frame_columns, frame_table
from components.validation.personal_findings import find_personal_data
from components.validation.quarantine import (
    QUARANTINE_SCHEMA,
    SoundRows,
    build_quarantine,
    sort_rows,
)
from components.validation.report import TableName, ValidationReport, write_report
from components.validation.source_tables import open_tables, take_apart
from components.validation.suites import row_suites, schema_suite
from components.validation.summarize import RowNames, summarize
from components.validation.tombstones import ErasedUsers


@dataclass(frozen=True)
class Judgement:
    """Everything that is known once all rules have been checked."""

    report: ValidationReport
    suites: list[SuiteResult]
    quarantine: pa.Table
    sound: SoundRows | None
    """Items and questions without defective rows; None where columns are wrong."""


def judge_histories(
    histories: Histories,
    task: Task,
    config: ValidationConfig,
    erased: ErasedUsers | None,
    show_texts: bool,
) -> Judgement:
    """Check every rule; rows are judged only if the columns are as they should be."""
    items, questions = open_tables(histories)
    columns: dict[TableName, pd.DataFrame] = {
        "items": frame_columns(items, ITEM_SCHEMA),
        "questions": frame_columns(questions, QUESTION_SCHEMA),
    }
    engine = Engine()
    schema = [engine.run(schema_suite(table), [frame]) for table, frame in columns.items()]
    if any(len(result.rows) for suite in schema for result in suite.results):
        suites = schema + [SuiteResult(suite) for suite in row_suites(task, config).values()]
        report = write_report(task.name, summarize(suites, config, RowNames(columns)), (), ())
        return Judgement(report, suites, QUARANTINE_SCHEMA.empty_table(), None)
    tables = take_apart(items, questions)
    personal = find_personal_data(tables, task)
    flags = flag_rows(tables, task, config, erased, personal.rows)
    rows = []
    for name, suite in row_suites(task, config).items():
        frames = frame_table(name, tables, flags[name], task, show_texts)
        rows.append(engine.run(suite, frames))
    suites = schema + rows
    critical = [
        result
        for suite in rows
        for result in suite.results
        if config.severity_of(result.check.rule) == "critical"
    ]
    sorting = sort_rows(tables, critical)
    rules = summarize(suites, config, RowNames(columns, tables))
    report = write_report(task.name, rules, sorting.counts(), personal.counts)
    quarantine = build_quarantine(tables, sorting.defects)
    return Judgement(report, suites, quarantine, SoundRows(tables, sorting))
