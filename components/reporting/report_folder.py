"""The folder that a run leaves for people: pages, a model card and machine-readable files."""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.evaluation.evaluation import Evaluation
from components.folder import write_folder
from components.inversion.report import InversionReport
from components.lineage.drift import DriftReport
from components.promotion.registry_records import PastDecision
from components.reporting.evaluation_page import render_evaluation_page
from components.reporting.example_questions import ExampleQuestion
from components.reporting.figures.curves import Curves
from components.reporting.model_card import ModelFacts, render_model_card
from components.tasks.task import Task
from components.validation.validation_folder import REPORT, ValidationFolder

LATEST = "latest"


@dataclass(frozen=True)
class Report:
    """All that a report shows."""

    evaluation: Evaluation
    task: Task
    facts: ModelFacts
    curves: Curves
    validated: ValidationFolder
    run: dict[str, Any]
    """Seconds by step, versions, hashes: `run.json`."""
    helped: list[ExampleQuestion] = field(default_factory=list)
    """Questions that persona helped most; none where texts of users may not be shown."""
    hurt: list[ExampleQuestion] = field(default_factory=list)
    """Questions that it hurt most."""
    drift: DriftReport | None = None
    """Today's data against the champion's; none where they were not compared."""
    inversion: InversionReport | None = None
    """What stolen vectors tell of their texts; none where that was not measured."""
    decisions: list[PastDecision] = field(default_factory=list)
    """What became of the registered versions, this one's too, in their order."""


def write_report(report: Report, reports: Path, run_name: str) -> Path:
    """Write `reports/<run_name>/` complete or not at all, and point `reports/latest` at it.

    Returns:
        The run's folder.
    """
    folder = reports / run_name
    with write_folder(folder, replace=True) as staging:
        write_files(report, staging)
    point_latest_at(folder)
    return folder


def write_files(report: Report, directory: Path) -> None:
    """Write all files of a report into an existing directory."""
    evaluation = report.evaluation
    page = render_evaluation_page(
        evaluation,
        report.curves,
        report.facts.versions,
        report.helped,
        report.hurt,
        report.drift,
        report.inversion,
        report.decisions,
    )
    files = {
        "evaluation.html": page,
        "evaluation.json": evaluation.model_dump_json(indent=1) + "\n",
        "model_card.md": render_model_card(evaluation, report.task, report.facts),
        "run.json": json.dumps(report.run, indent=1) + "\n",
    }
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")
    shutil.copytree(report.validated.data_docs, directory / "data_docs")
    shutil.copyfile(report.validated.path / REPORT, directory / "validation.json")


def point_latest_at(folder: Path) -> None:
    """Make the link `latest` beside the folder point at it, in one move."""
    staging = folder.parent / f".{LATEST}.partial"
    staging.unlink(missing_ok=True)
    staging.symlink_to(folder.name, target_is_directory=True)
    staging.replace(folder.parent / LATEST)
