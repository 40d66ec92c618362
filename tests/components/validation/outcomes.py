"""Validating in a test, and finding one's way in what comes out."""

from pathlib import Path

from components.histories.tables import HistoryRows
from components.tasks.task import Task
from components.validation.config import Thresholds, ValidationConfig
from components.validation.report import RuleResult, TableName, ValidationReport
from components.validation.validate import ValidationOutcome, validate_histories
from components.validation.validation_folder import ValidationFolder
from tests.components.validation.histories import SCORE, write

LENIENT = Thresholds(
    emptiness=1, uniqueness=1, ownership=1, time_order=1, gold_in_history=1, labels=1
)


def validate(
    directory: Path, rows: HistoryRows, task: Task = SCORE, thresholds: Thresholds = LENIENT
) -> ValidationOutcome:
    config = ValidationConfig(thresholds=thresholds)
    return validate_histories(write(directory / "in", rows), task, config, directory / "out")


def find(report: ValidationReport, rule: str, table: TableName) -> RuleResult:
    [result] = [found for found in report.rules if (found.rule, found.table) == (rule, table)]
    return result


def count(report: ValidationReport) -> dict[str, tuple[int, int, int]]:
    return {part.table: (part.counts_in, part.kept, part.quarantined) for part in report.counts}


def quarantined(folder: ValidationFolder, table: TableName) -> list[tuple[int, str, str]]:
    rows = folder.quarantine.to_pylist()
    return [(row["row"], row["id"], row["rule"]) for row in rows if row["table"] == table]
