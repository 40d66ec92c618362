"""Judge the candidate: figures of all arms, the incumbents' too, and a decision with reasons."""

from collections.abc import Mapping
from typing import Annotated

import mlflow
from pydantic import JsonValue
from zenml import step
from zenml.logger import get_logger

from components.evaluation.evaluation import Evaluation
from components.evaluation.exam import ExamRecipe
from components.evaluation.incumbent_exam import name_obstacle
from components.evaluation.measure import measure
from components.evaluation.predictions import Predictions
from components.evaluation.summarize import summarize
from components.histories.tables import Histories
from components.inversion.report import InversionReport
from components.promotion.artifact_check import ArtifactCheck
from components.promotion.case import Rival
from components.promotion.config import PromotionConfig
from components.promotion.decide import decide
from components.promotion.registry_records import Incumbents, Registration
from steps.caching import code_of

logger = get_logger(__name__)


@step(cache_policy=code_of(__file__), experiment_tracker=True)
def check_promotion(
    histories: Histories,
    predictions: Predictions,
    incumbents: Incumbents,
    candidate: Registration,
    artifact: ArtifactCheck,
    inversion: InversionReport,
    recipe: ExamRecipe,
    promotion: PromotionConfig,
) -> Annotated[Evaluation, "evaluation"]:
    """Summarize the predictions and decide."""
    settings, answers = recipe.evaluation, predictions.read()
    evidence = measure(answers, recipe.task, histories.limits, settings.num_draws, recipe.seed)
    evaluation = summarize(evidence, answers, recipe.task, settings.split, recipe.newer_than)
    rivals = find_rivals(incumbents, candidate, answers.notes)
    decision = decide(evidence, rivals, artifact, promotion, inversion)
    for reason in decision.reasons:
        logger.info("%s: %s", reason.status, reason.sentence)
    mlflow.log_metrics(
        {
            f"{settings.split}/{arm}/{metric}": interval.mean
            for arm, figures in evaluation.arms.items()
            for metric, interval in figures.items()
        }
    )
    return evaluation.model_copy(update={"decision": decision})


def find_rivals(
    incumbents: Incumbents, candidate: Registration, notes: Mapping[str, JsonValue]
) -> dict[str, Rival]:
    """Return what the rules need to know of the incumbents, by arm."""
    rivals = {}
    for office, holder in incumbents.by_office().items():
        obstacle = notes.get(name_obstacle(office))
        rivals[office] = Rival(
            version=holder.version,
            is_candidate=holder.version == candidate.version,
            obstacle=None if obstacle is None else str(obstacle),
        )
    return rivals
