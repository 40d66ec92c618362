"""Let all arms answer the evaluated split's questions."""

from typing import Annotated

from zenml import step

from components.encoders.behavior_vectors import BehaviorVectors
from components.evaluation.arms import answer_all_arms
from components.evaluation.exam import Exam, ExamRecipe
from components.evaluation.predictions import Predictions, write_predictions
from components.histories.tables import Histories
from components.llm.llm_folder import LLMFolder
from components.training.train import Artifacts, TrainedArms
from steps.caching import code_of
from steps.materializers import FolderMaterializer
from steps.scratch import make_scratch_directory


@step(cache_policy=code_of(__file__), output_materializers=FolderMaterializer)
def evaluate_user_embedder(
    histories: Histories,
    vectors: BehaviorVectors,
    llm: LLMFolder,
    trained: TrainedArms,
    recipe: ExamRecipe,
) -> Annotated[Predictions, "predictions"]:
    """Answer every question as every arm."""
    exam = Exam(Artifacts(histories, vectors, llm), recipe)
    return write_predictions(make_scratch_directory(), answer_all_arms(exam, trained))
