"""Validates histories: sound rows go on, defective ones to quarantine, and a report says why."""

from dataclasses import dataclass
from pathlib import Path

from components.histories.tables import Histories, write_histories
from components.tasks.task import Task
from components.validation.config import ValidationConfig
from components.validation.data_docs import render_data_docs
from components.validation.judge import judge_histories
from components.validation.personal_findings import mask_pieces
from components.validation.report import UnsoundHistoriesError, ValidationReport
from components.validation.tombstones import ErasedUsers
from components.validation.validation_folder import (
    ValidationFiles,
    ValidationFolder,
    write_validation,
)


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
    erased: ErasedUsers | None = None,
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
        erased: Who must not turn up again; None if the settings name no tombstone file.

    Returns:
        The sound histories, and the folder and figures of the report.

    Raises:
        UnsoundHistoriesError: If a rule's share of defects is above its threshold; names rule,
            count, share, threshold and ids. `validation/` is there to look at.
    """
    judgement = judge_histories(histories, task, config, erased, show_texts)
    report = judgement.report
    page = render_data_docs(report, judgement.suites, config)
    folder = write_validation(
        directory / "validation", ValidationFiles(report, judgement.quarantine, page)
    )
    if report.stopping:
        raise UnsoundHistoriesError(report)
    assert judgement.sound is not None, "wrong columns stop every run"
    items, questions = judgement.sound.items(), judgement.sound.questions()
    if config.personal_data == "mask":
        items, questions = (
            mask_pieces("items", items, task),
            mask_pieces("questions", questions, task),
        )
    sound = write_histories(
        *(directory / "histories", items, questions, histories.limits, histories.watermark)
    )
    return ValidationOutcome(sound, folder, report)
