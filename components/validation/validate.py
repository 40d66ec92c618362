"""Validates histories: sound rows go on, defective ones to quarantine, and a report says why."""

import logging
from dataclasses import dataclass
from pathlib import Path

from components.histories.tables import Histories, write_histories
from components.tasks.task import Task
from components.validation.config import ValidationConfig
from components.validation.data_docs import render_data_docs
from components.validation.judge import judge_histories
from components.validation.report import ValidationError, ValidationReport
from components.validation.validation_folder import (
    ValidationFiles,
    ValidationFolder,
    write_validation,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ValidationOutcome:
    """Sound histories, and what was found on the way."""

    histories: Histories
    folder: ValidationFolder
    report: ValidationReport


def validate_histories(
    histories: Histories,
    task: Task,
    config: ValidationConfig,
    directory: Path,
    show_texts: bool = False,
) -> ValidationOutcome:
    """Judge every row, set defective ones apart, and report.

    What becomes of a defective row, and why: `components.validation.suites`.

    Args:
        histories: As they were read.
        task: Its kind and labels say which rules apply.
        config: Which share of defects stops the run.
        directory: Gets `validation/` in any case, and `histories/` unless the run stops; each
            complete or not at all, and neither may have content yet.
        show_texts: Whether unknown labels may stand in the Data Docs as they came.

    Returns:
        The sound histories, and the folder and figures of the report.

    Raises:
        ValidationError: If a rule's share of defects is above its threshold; names rule, count,
            share, threshold and ids. `validation/` is there to look at.
    """
    judgement = judge_histories(histories, task, config, show_texts)
    report = judgement.report
    page = render_data_docs(report, judgement.suites)
    folder = write_validation(
        directory / "validation", ValidationFiles(report, judgement.quarantine, page)
    )
    logger.log(logging.WARNING if len(judgement.quarantine) else logging.INFO, "%s", report.verdict)
    if report.stopping:
        raise ValidationError(report)
    assert judgement.sound is not None, "wrong columns stop every run"
    items, questions = judgement.sound
    sound = write_histories(directory / "histories", items, questions, histories.limits)
    return ValidationOutcome(sound, folder, report)
