"""Train the user embedder and the arms that it is compared with."""

from typing import Annotated

import mlflow
from zenml import step

from components.encoders.behavior_vectors import BehaviorVectors
from components.histories.tables import Histories
from components.llm.llm_folder import LLMFolder
from components.training.train import (
    Artifacts,
    Recipe,
    TrainedArms,
    train_all_arms,
)
from steps.caching import code_of
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
    """Train every arm that is to be evaluated and log the curves."""
    artifacts = Artifacts(histories, vectors, llm)
    trained = train_all_arms(artifacts, recipe, arms, make_scratch_directory())
    for arm in trained.names():
        for point in trained.arm(arm).curve():
            figures = {
                f"train/{arm}/{k}": v for k, v in point.items() if k not in ("step", "epoch")
            }
            mlflow.log_metrics(figures, step=int(point["step"]))
    return trained
