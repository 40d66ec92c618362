"""Decide whether there is reason to train again, and record why or why not."""

from datetime import UTC, datetime
from typing import Annotated

import mlflow
from zenml import get_step_context, log_metadata, step
from zenml.logger import get_logger

from components.evaluation.newest import select_newer
from components.histories.tables import Histories
from components.lineage.drift import DriftReport
from components.lineage.retraining import (
    RetrainingDecision,
    RetrainingRecipe,
    Today,
    count_later,
    decide_retraining,
    find_moved,
    find_newest_trained,
)
from components.promotion.registry_records import Incumbents
from steps.model_registry import open_registry
from steps.training_records import read_last_training, read_trained

logger = get_logger(__name__)


# Never cached: it reads the registry and the clock.
@step(enable_cache=False, experiment_tracker=True)
def check_retraining(
    histories: Histories, drift: DriftReport, incumbents: Incumbents, recipe: RetrainingRecipe
) -> Annotated[RetrainingDecision, "retraining"]:
    """Compare today's data with those of the last training."""
    client = open_registry()
    versions = {holder.version for holder in incumbents.by_office().values()}
    in_office = [read_trained(client, recipe.task_name, version) for version in sorted(versions)]
    newer_than = find_newest_trained(drift.today, in_office) if recipe.is_dated else None
    questions = select_newer(histories.questions, recipe.evaluated_split, newer_than)
    last = read_last_training(client, recipe.task_name)
    today = Today(
        now=datetime.now(UTC),
        profile=drift.today,
        moved=find_moved(recipe.drift, drift.today, last),
        watermark=histories.watermark,
        newer_than=newer_than,
        num_questions=len(questions),
        unknown=tuple(one.version for one in in_office if one.profile is None),
        num_later=count_later(histories.items.data.table["time"], last),
    )
    decision = decide_retraining(recipe.config, today, drift, last)
    record(decision)
    return decision


def record(decision: RetrainingDecision) -> None:
    """Leave the reason in the log, with ZenML's run and in MLflow's."""
    logger.info("%s", decision.reason)
    run = get_step_context().pipeline_run
    figures = decision.model_dump(mode="json", include={"due", "reason", "last_version", "new"})
    log_metadata(metadata={"retraining": figures}, run_id_name_or_prefix=run.id)
    mlflow.set_tag("retraining", decision.reason)
