"""The folder of a run: complete or not at all, and the link to the latest one."""

from pathlib import Path
from typing import Any

import pytest

from components.evaluation.evaluation import Evaluation
from components.reporting.model_card import ModelFacts
from components.reporting.report_folder import Report, write_report
from components.tasks.lamp import LAMP_2
from components.validation.report import ValidationReport

from .evaluations import build_decision, build_evaluation, build_examples, build_validation


def build_report(
    directory: Path, run: object = "run", promoted: bool = True, **changes: Any
) -> Report:
    return Report(
        evaluation=build_evaluation(decision=build_decision(promoted)),
        task=LAMP_2,
        facts=ModelFacts(name="persona-plug-LaMP_2", version="4", counts={}, versions={}),
        curves={},
        validated=build_validation(directory),
        run={"run": run},
        **changes,
    )


def list_names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_all_files_are_there(tmp_path):
    report = build_report(tmp_path)
    folder = write_report(report, tmp_path / "deep" / "reports", "run-1")

    assert folder == tmp_path / "deep" / "reports" / "run-1"
    assert list_names(folder) == {
        "data_docs",
        "evaluation.html",
        "evaluation.json",
        "model_card.md",
        "run.json",
        "validation.json",
    }
    written = Evaluation.model_validate_json((folder / "evaluation.json").read_text())
    assert written == report.evaluation
    assert (folder / "data_docs" / "index.html").read_text() == "<p>docs"
    found = ValidationReport.model_validate_json((folder / "validation.json").read_bytes())
    assert found.verdict == "sound"
    assert (folder / "run.json").read_text() == '{\n "run": "run"\n}\n'


def test_the_link_moves_to_the_latest_run_and_survives_the_reports_move(tmp_path):
    reports = tmp_path / "reports"
    for run in ("run-1", "run-2"):
        write_report(build_report(tmp_path, run), reports, run)

        assert (reports / "latest" / "run.json").read_text() == f'{{\n "run": "{run}"\n}}\n'
    assert list_names(reports) == {"run-1", "run-2", "latest"}
    moved = reports.rename(tmp_path / "elsewhere")
    assert (moved / "latest").resolve() == moved / "run-2"


def test_a_report_that_fails_leaves_the_earlier_one(tmp_path):
    reports = tmp_path / "reports"
    write_report(build_report(tmp_path), reports, "run-1")

    with pytest.raises(TypeError, match="not JSON serializable"):
        write_report(build_report(tmp_path, run=object()), reports, "run-1")
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_report(build_report(tmp_path, run=object()), reports, "run-2")

    assert list_names(reports) == {"run-1", "latest"}
    assert (reports / "latest" / "run.json").read_text() == '{\n "run": "run"\n}\n'


def test_a_run_reported_again_replaces_its_folder(tmp_path):
    reports = tmp_path / "reports"
    folder = write_report(build_report(tmp_path), reports, "run-1")
    (folder / "left.txt").write_text("over")
    (reports / ".run-1.partial").mkdir()
    (reports / ".run-1.partial" / "left.txt").write_text("by a run that was killed")

    write_report(build_report(tmp_path, promoted=False), reports, "run-1")

    assert list_names(reports) == {"run-1", "latest"}
    assert "left.txt" not in list_names(folder)
    assert '"promoted": false' in (folder / "evaluation.json").read_text()


def test_examples_stand_on_the_page_and_in_no_other_file(tmp_path):
    examples = build_examples(1, text="Zanzibar at dawn. ")
    report = build_report(tmp_path, helped=examples, hurt=examples)
    folder = write_report(report, tmp_path / "reports", "run-1")

    telling = [path.name for path in folder.rglob("*.*") if "Zanzibar" in path.read_text("utf-8")]
    assert telling == ["evaluation.html"]
