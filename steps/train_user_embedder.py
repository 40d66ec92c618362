"""Train the user embedder and the arms that it is compared with."""

from typing import Annotated

import mlflow
from zenml import step

from components.encoders.behavior_vectors import BehaviorVectors
from components.histories.tables import Histories
from components.llm.llm_folder import LLMFolder
from components.training.launch import train
from components.training.train import (
    Artifacts,
    Recipe,
    TrainedArms,
    TrainingRecord,
)
from steps.caching import code_of, hash_code
from steps.materializers import FolderMaterializer
from steps.scratch import make_scratch_directory


@step(
    cache_policy=code_of(__file__),
    output_materializers=FolderMaterializer,
    experiment_tracker=True,
)
def train_user_embedder(
    histories: Histories,
    vectors: BehaviorVectors,
    llm: LLMFolder,
    recipe: Recipe,
    arms: list[str],
) -> Annotated[TrainedArms, "trained_arms"]:
    """Train every arm that is to be evaluated and log its figures."""
    artifacts = Artifacts(histories, vectors, llm)
    record = TrainingRecord(hash_code(__file__), log_figures)
    return train(artifacts, recipe, arms, make_scratch_directory(), record)


def log_figures(figures: dict[str, float], step: int) -> None:
    """Show an arm's figures in MLflow while it is trained."""
    mlflow.log_metrics({f"train/{name}": value for name, value in figures.items()}, step=step)
