"""Let today's champion answer the same questions."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import pyarrow as pa
from pydantic import ValidationError
from zenml import step
from zenml.logger import get_logger

from components.encoders.behavior_vectors import BehaviorVectors
from components.evaluation.champion_exam import (
    NOT_COMPARED,
    IncomparableChampionError,
    answer_incumbent,
)
from components.evaluation.exam import Exam, ExamRecipe
from components.evaluation.predictions import Predictions, write_predictions
from components.histories.tables import Histories
from components.llm.llm_folder import LLMFolder
from components.promotion.registry_records import Champion, Registration
from components.serving.persona_model import ServingSpec
from components.training.train import Artifacts
from components.user_embedder.embedder_folder import EmbedderFolder
from steps.caching import code_of
from steps.materializers import FolderMaterializer
from steps.model_registry import download_model, open_registry
from steps.scratch import make_scratch_directory

logger = get_logger(__name__)


@step(cache_policy=code_of(__file__), output_materializers=FolderMaterializer)
def evaluate_champion(
    histories: Histories,
    vectors: BehaviorVectors,
    llm: LLMFolder,
    predictions: Predictions,
    champion: Champion,
    candidate: Registration,
    recipe: ExamRecipe,
) -> Annotated[Predictions, "predictions_with_champion"]:
    """Add the champion's answers, or why there are none, if it is another model of the same LLM."""
    answers = predictions.read()
    if champion.version and champion.is_rival_of(candidate):
        logger.info("evaluating the champion, version %s", champion.version)
        exam = Exam(Artifacts(histories, vectors, llm), recipe)
        model = download_model(
            open_registry(), recipe.task.name, champion.version, make_scratch_directory()
        )
        try:
            own = answer_as_registered(exam, *model)
            table = pa.concat_tables([answers.predictions, own])
            answers = replace(answers, predictions=table)
        except IncomparableChampionError as err:
            logger.warning("champion version %s %s", champion.version, err)
            answers.notes[NOT_COMPARED] = str(err)
    return write_predictions(make_scratch_directory(), answers)


def answer_as_registered(exam: Exam, plug_in: Path, serving: Path) -> pa.Table:
    """Let a registered model answer by the settings that were registered with it.

    Raises:
        IncomparableChampionError: If it cannot be asked these questions, or its settings are of
            a version of this code that knew others.
    """
    embedder = EmbedderFolder.at(plug_in)
    try:
        spec, _ = ServingSpec.read(serving), embedder.card()
    except ValidationError as err:
        first = err.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise IncomparableChampionError(
            f"reads settings of another version of the code ({field}: {first['msg']})"
        ) from err
    return answer_incumbent(exam, embedder, spec.task, spec.llm, "champion")
