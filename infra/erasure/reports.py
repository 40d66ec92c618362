"""Reports outside ZenML's store that know a user: `reports/<run>/`, and MLflow's copies of them."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from components.folder import Folder
from components.reporting.report_folder import LATEST
from components.validation.validation_folder import REPORT
from infra.erasure.artifacts import judge_report_files
from infra.erasure.lineage import Lineage
from infra.erasure.models import list_runs, to_time
from infra.erasure.traces import Trace

LOGGED = {"report": "validation.json", "validation": REPORT}
"""Folders that steps log with a run, and the figures of a validation in each."""


def find_report_folders(lineage: Lineage, root: Path) -> list[Trace]:
    """Return the reports for people that know her.

    Args:
        lineage: Of the user.
        root: What the folders of settings are relative to.
    """
    knowing = lineage.runs_that_know()
    traces = []
    for step in lineage.steps:
        settings = step.config.parameters.get("settings")
        if step.name != "export_report" or not isinstance(settings, dict):
            continue
        run = lineage.client.get_pipeline_run(step.pipeline_run_id, hydrate=False).name
        folder = root / settings["folder"] / run
        is_shown = settings["show_texts"] and step.pipeline_run_id in knowing
        if folder.is_dir() and (
            why := judge_report_files(lineage, folder / LOGGED["report"], is_shown)
        ):
            since = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
            remove = _removal(folder)
            traces.append(Trace(f"report {run}", str(folder), since, why, remove=remove))
    return traces


def find_logged_reports(lineage: Lineage, client: MlflowClient) -> list[Trace]:
    """Return what MLflow's runs keep of reports that know her."""
    showing = set(_list_showing_runs(lineage))
    traces = []
    for run in list_runs(client):
        there = {file.path for file in client.list_artifacts(run.info.run_id)}
        for name in sorted(there & LOGGED.keys()):
            if why := _judge_logged(lineage, client, run, name, run.info.run_name in showing):
                traces.append(_trace_logged(run, name, why))
    return traces


def _list_showing_runs(lineage: Lineage) -> Iterator[str]:
    """Yield the names of runs that know her and show texts; MLflow's runs bear the same names."""
    knowing = lineage.runs_that_know()
    for step in lineage.steps:
        if step.config.parameters.get("show_texts") and step.pipeline_run_id in knowing:
            yield lineage.client.get_pipeline_run(step.pipeline_run_id, hydrate=False).name


def _judge_logged(
    lineage: Lineage, client: MlflowClient, run: Run, name: str, is_shown: bool
) -> str:
    with TemporaryDirectory() as directory:
        path = Path(client.download_artifacts(run.info.run_id, name, directory))
        return judge_report_files(lineage, path / LOGGED[name], is_shown)


def _trace_logged(run: Run, name: str, why: str) -> Trace:
    def remove() -> int:
        repository = get_artifact_repository(run.info.artifact_uri)
        with TemporaryDirectory() as directory:
            num_files = len(Folder.at(Path(repository.download_artifacts(name, directory))).files())
        repository.delete_artifacts(name)
        return num_files

    return Trace(
        what=f"MLflow run {run.info.run_name}, {name}",
        where=f"{run.info.artifact_uri}/{name}",
        since=to_time(run.info.start_time),
        why=why,
        remove=remove,
    )


def _removal(folder: Path) -> Callable[[], int]:
    def remove() -> int:
        num_files = len(Folder.at(folder).files())
        latest = folder.parent / LATEST
        if latest.is_symlink() and latest.resolve() == folder.resolve():
            latest.unlink()
        shutil.rmtree(folder)
        return num_files

    return remove
