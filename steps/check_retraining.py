"""Decide whether there is reason to train again, and record why or why not."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import mlflow
from mlflow import MlflowClient
from zenml import get_step_context, log_metadata, step
from zenml.logger import get_logger

from components.evaluation.newest import select_newer
from components.histories.tables import Histories
from components.lineage.data_profile import DataProfile
from components.lineage.drift import DriftReport
from components.lineage.retraining import (
    RetrainingDecision,
    RetrainingRecipe,
    Today,
    count_later,
    decide_retraining,
    find_newest_trained,
)
from components.promotion.registry_records import Incumbents
from steps.model_registry import open_registry
from steps.training_records import LostRecordError, read_last_training, read_profile

logger = get_logger(__name__)


# Never cached: it reads the registry and the clock.
@step(enable_cache=False, experiment_tracker=True)
def check_retraining(
    histories: Histories, drift: DriftReport, incumbents: Incumbents, recipe: RetrainingRecipe
) -> Annotated[RetrainingDecision, "retraining"]:
    """Compare today's data with those of the last training."""
    client = open_registry()
    newer_than = None
    if recipe.is_dated:
        profiles = read_profiles(client, recipe.task_name, incumbents)
        newer_than = find_newest_trained(drift.today, list(profiles))
    questions = select_newer(histories.questions, recipe.evaluated_split, newer_than)
    last = read_last_training(client, recipe.task_name)
    today = Today(
        now=datetime.now(UTC),
        profile=drift.today,
        watermark=histories.watermark,
        newer_than=newer_than,
        num_questions=len(questions),
        num_later=count_later(histories.items.data.table["time"], last),
    )
    decision = decide_retraining(recipe.config, today, drift, last)
    record(decision)
    return decision


def read_profiles(
    client: MlflowClient, task_name: str, incumbents: Incumbents
) -> Iterator[DataProfile]:
    """Yield what champion and reference were trained on, of those of whom it is known."""
    for version in {holder.version for holder in incumbents.by_office().values()}:
        try:
            yield read_profile(client, task_name, version)
        except LostRecordError as err:
            logger.warning(
                "it is not known up to when version %s was trained: its profile %s", version, err
            )


def record(decision: RetrainingDecision) -> None:
    """Leave the reason in the log, with ZenML's run and in MLflow's."""
    logger.info("%s", decision.reason)
    run = get_step_context().pipeline_run
    figures = decision.model_dump(mode="json", include={"due", "reason", "last_version", "new"})
    log_metadata(metadata={"retraining": figures}, run_id_name_or_prefix=run.id)
    mlflow.set_tag("retraining", decision.reason)
