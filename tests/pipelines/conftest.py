"""Runs of the whole pipeline at a size of seconds, in the order in which they build on each other.

first: a first model, refused. repeated: the same again. retrained: the first one was made champion,
other data of more users. promoted: the retrained one was made champion, the same data again.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from mlflow import MlflowClient
from zenml.models import PipelineRunResponse

from components.encoders.config import EncoderConfig
from components.evaluation.config import EvaluationConfig
from components.histories.config import DataConfig
from components.personas.config import PersonaStoreConfig
from components.promotion.config import PromotionConfig
from components.promotion.registry_records import Incumbents, Registration
from components.reporting.config import ReportConfig
from tests.components.reporting.evaluations import build_decision, build_evaluation
from tests.components.tiny_models import write_sentence_encoder
from tests.components.tiny_world import LLM, SIMULATOR, make_recipe

SEED, OTHER_SEED = 1, 2  # other tests simulate with 0, and the cache knows the same content

SIMULATORS = {
    SEED: SIMULATOR,
    OTHER_SEED: SIMULATOR.model_copy(update={"num_train_users": 12}),  # train-00010 tunes an LLM
}


class Runs(NamedTuple):
    """What the runs share."""

    encoder: Path
    reports: Path
    personas: Path
    run: Callable[[int], "Run"]
    """Runs the pipeline with a seed."""


class Run:
    """A finished run."""

    def __init__(self, response: PipelineRunResponse) -> None:
        self.response = response
        self.statuses = {name: step.status.value for name, step in response.steps.items()}

    @property
    def cached(self) -> set[str]:
        return {name for name, status in self.statuses.items() if status == "cached"}

    def load(self, step: str, output: str) -> Any:
        """Load an artifact back from ZenML's store."""
        [version] = self.response.steps[step].outputs[output]
        return version.load()


def promote(
    candidate: Registration,
    promoted: bool = True,
    incumbents: Incumbents | None = None,
    notes: Mapping[str, Any] | None = None,
    settings: PromotionConfig | None = None,
) -> Any:
    """Call the promoting step with an evaluation made by hand."""
    from steps.model_registry import open_registry, read_incumbents
    from steps.promote_user_embedder import promote_user_embedder

    decision = build_decision(promoted, "accuracy is too low.")
    incumbents = incumbents or read_incumbents(open_registry(), "LaMP_2")
    evaluation = build_evaluation(decision=decision, notes=dict(notes or {}))
    return promote_user_embedder.entrypoint(
        candidate, evaluation, incumbents, settings or PromotionConfig()
    )


@pytest.fixture(scope="package")
def runs(zenml_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    from pipelines.train_persona import train_persona

    directory = tmp_path_factory.mktemp("train_persona")
    encoder_folder = write_sentence_encoder(directory / "encoder")
    encoder = EncoderConfig(name=str(encoder_folder), max_length=32)
    recipe = make_recipe(encoder)
    reports, personas = directory / "reports", directory / "personas"

    def run(seed: int) -> Run:
        response = train_persona.with_options(enable_step_logs=False)(
            task="LaMP_2",
            data=DataConfig(simulator=SIMULATORS[seed]),
            encoder=encoder,
            llm=LLM,
            embedder=recipe.embedder,
            training=recipe.training,
            evaluation=EvaluationConfig(num_shuffles=2),
            personas=PersonaStoreConfig(place=str(personas), num_shards=2),
            report=ReportConfig(folder=reports),
            seed=seed,
        )
        return Run(response)

    return Runs(encoder_folder, reports, personas, run)


@pytest.fixture
def registry(zenml_home: Path) -> MlflowClient:
    """Open the registry for MLflow's own functions too: a run closes it when it ends."""
    from steps.model_registry import open_registry

    return open_registry()


@pytest.fixture(scope="package")
def first(runs: Runs) -> Run:
    return runs.run(SEED)


@pytest.fixture(scope="package")
def repeated(runs: Runs, first: Run) -> Run:
    return runs.run(SEED)


@pytest.fixture(scope="package")
def retrained(runs: Runs, first: Run, repeated: Run) -> Run:
    promote(first.load("register_user_embedder", "registration"))
    return runs.run(OTHER_SEED)


@pytest.fixture(scope="package")
def promoted(runs: Runs, retrained: Run) -> Run:
    promote(retrained.load("register_user_embedder", "registration"))
    return runs.run(OTHER_SEED)
