"""Compare today's data with those that the champion was trained on."""

from typing import Annotated

import mlflow
from mlflow import MlflowClient
from zenml import step
from zenml.logger import get_logger

from components.encoders.behavior_vectors import BehaviorVectors
from components.histories.tables import Histories
from components.lineage.config import DriftConfig
from components.lineage.data_profile import DataProfile, profile_data
from components.lineage.drift import DriftReport, compare_profiles, report_incomparable
from components.promotion.registry_records import Incumbents
from components.tasks.task import Task
from steps.model_registry import model_name, open_registry
from steps.training_records import LostRecordError, read_profile

logger = get_logger(__name__)


# Never cached: the newest artifact `drift` is that of the newest run, and each run's figures lie
# in its own MLflow run. It takes seconds.
@step(enable_cache=False, experiment_tracker=True)
def check_drift(
    histories: Histories,
    vectors: BehaviorVectors,
    incumbents: Incumbents,
    task: Task,
    settings: DriftConfig,
) -> Annotated[DriftReport, "drift"]:
    """Say how far the data are from the champion's; it never stops a run.

    The artifact is the signal of a scheduled retraining. Nothing in it hangs on a training.
    """
    today = profile_data(histories, vectors, task)
    client = open_registry()
    report = compare_with_champion(client, today, incumbents, task.name, settings)
    log_drift(client, report, task.name)
    return report


def compare_with_champion(
    client: MlflowClient,
    today: DataProfile,
    incumbents: Incumbents,
    task_name: str,
    settings: DriftConfig,
) -> DriftReport:
    """Compare the data with what was logged when the champion was registered."""
    if incumbents.champion is None:
        return report_incomparable("there is no champion yet", today)
    version = incumbents.champion.version
    whose = f"the profile of the champion's data (version {version})"
    try:
        champion = read_profile(client, task_name, version)
    except LostRecordError as err:
        return report_incomparable(f"{whose} {err}", today, version)
    return compare_profiles(champion, today, settings, version)


def log_drift(client: MlflowClient, report: DriftReport, task_name: str) -> None:
    """Leave figures and status with the run, and the status with the champion."""
    logger.info("%s", report.verdict)
    distances = {
        f"drift.{measure.name}": measure.distance
        for measure in report.measures
        if measure.distance is not None
    }
    mlflow.log_metrics(distances)
    mlflow.set_tag("drift", report.status)
    if report.champion_version is not None and report.champion is not None:
        name = model_name(task_name)
        client.set_model_version_tag(name, report.champion_version, "drift", report.status)
