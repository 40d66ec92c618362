"""Judge the candidate: figures of all arms, the champion's too, and a decision with reasons."""

from typing import Annotated

import mlflow
from pydantic import JsonValue
from zenml import step
from zenml.logger import get_logger

from components.evaluation.champion_exam import NOT_COMPARED
from components.evaluation.evaluation import Evaluation
from components.evaluation.exam import ExamRecipe
from components.evaluation.measure import measure
from components.evaluation.predictions import Predictions
from components.evaluation.summarize import summarize
from components.histories.tables import Histories
from components.promotion.config import PromotionConfig
from components.promotion.registry_records import Champion, Registration
from components.promotion.rule import ChampionComparison, decide
from steps.caching import code_of

logger = get_logger(__name__)


@step(cache_policy=code_of(__file__), experiment_tracker=True)
def check_promotion(
    histories: Histories,
    predictions: Predictions,
    champion: Champion,
    candidate: Registration,
    recipe: ExamRecipe,
    rule: PromotionConfig,
) -> Annotated[Evaluation, "evaluation"]:
    """Summarize the predictions and decide."""
    settings, answers = recipe.evaluation, predictions.read()
    evidence = measure(answers, recipe.task, histories.limits, settings.num_draws, recipe.seed)
    evaluation = summarize(evidence, answers, recipe.task, settings.split)
    obstacle = answers.notes.get(NOT_COMPARED)
    decision = decide(evaluation, compare(champion, candidate, obstacle), rule)
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


def compare(
    champion: Champion, candidate: Registration, obstacle: JsonValue
) -> ChampionComparison | None:
    """Return what the rule needs to know of the champion; None if there is none of this LLM."""
    is_same = champion.weights_hash == candidate.weights_hash
    if champion.version is None or not (is_same or champion.is_rival_of(candidate)):
        return None
    return ChampionComparison(
        version=champion.version,
        weights_hash=str(champion.weights_hash),
        candidate_weights_hash=candidate.weights_hash,
        obstacle=None if obstacle is None else str(obstacle),
    )
