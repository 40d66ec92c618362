"""Validating in a test, and finding one's way in what comes out."""

from pathlib import Path
from typing import Any

from components.histories.tables import HistoryRows
from components.tasks.task import Task
from components.validation.config import Severities, Thresholds, ValidationConfig
from components.validation.report import RuleResult, TableName, ValidationReport
from components.validation.tombstones import find_erased_users
from components.validation.validate import ValidationOutcome, validate_histories
from components.validation.validation_folder import ValidationFolder
from tests.components.validation.histories import SCORE, write

LENIENT = Thresholds.model_validate(dict.fromkeys(Thresholds.model_fields, 1))
"""No share of defects stops."""
STRICT = Severities.model_validate(dict.fromkeys(Severities.model_fields, "critical"))
"""Every defective row goes to quarantine."""


def validate(
    directory: Path,
    rows: HistoryRows,
    task: Task = SCORE,
    thresholds: Thresholds = LENIENT,
    **settings: Any,
) -> ValidationOutcome:
    config = ValidationConfig.model_validate({"thresholds": thresholds, **settings})
    erased = find_erased_users(config, directory / "key")
    histories = write(directory / "in", rows)
    return validate_histories(histories, task, config, directory / "out", erased=erased)


def find(report: ValidationReport, rule: str, table: TableName) -> RuleResult:
    [result] = [found for found in report.rules if (found.rule, found.table) == (rule, table)]
    return result


def count(report: ValidationReport) -> dict[str, tuple[int, int, int]]:
    return {part.table: (part.counts_in, part.kept, part.quarantined) for part in report.counts}


def quarantined(folder: ValidationFolder, table: TableName) -> list[tuple[int, str, str]]:
    rows = folder.quarantine.to_pylist()
    return [(row["row"], row["id"], row["rule"]) for row in rows if row["table"] == table]
