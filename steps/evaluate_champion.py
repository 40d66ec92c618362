"""Let today's champion answer the same questions."""

from typing import Annotated

import pyarrow as pa
from zenml import step
from zenml.logger import get_logger

from components.encoders.behavior_vectors import BehaviorVectors
from components.evaluation.arms import Exam, ExamRecipe, answer_as_champion
from components.evaluation.predictions import Predictions, write_predictions
from components.histories.tables import Histories
from components.llm.llm_folder import LLMFolder
from components.promotion.registry_records import Champion, Registration
from components.training.train import Artifacts
from components.user_embedder.embedder_folder import EmbedderFolder
from steps.caching import code_of
from steps.materializers import FolderMaterializer
from steps.model_registry import download_plug_in, open_registry
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
    """Add the champion's answers, if it is another model for the same LLM."""
    table = predictions.table
    if champion.version and champion.is_rival_of(candidate):
        logger.info("evaluating the champion, version %s", champion.version)
        scratch = make_scratch_directory()
        plug_in = download_plug_in(open_registry(), recipe.task.name, champion.version, scratch)
        exam = Exam(Artifacts(histories, vectors, llm), recipe)
        table = pa.concat_tables([table, answer_as_champion(exam, EmbedderFolder.at(plug_in))])
    return write_predictions(make_scratch_directory(), table, predictions.notes)
