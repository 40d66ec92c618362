"""What became of earlier versions, from a real MLflow."""

from datetime import UTC, datetime
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from steps.model_registry import DECISION, open_registry
from steps.past_decisions import read_past_decisions

NAME = "persona-plug-of-decisions"


@pytest.fixture
def client(zenml_home: Path, tmp_path: Path) -> MlflowClient:
    client = open_registry()
    mlflow.set_experiment(experiment_id=client.create_experiment(str(tmp_path), str(tmp_path)))
    client.create_registered_model(NAME)
    return client


def register(client: MlflowClient, said: str | None, **accuracies: float) -> None:
    """Register a version as the pipeline does, judged unless `said` is None."""
    with mlflow.start_run() as run:
        mlflow.log_metrics({f"test/{arm}/accuracy": value for arm, value in accuracies.items()})
        mlflow.log_metrics({"test/persona/macro_f1": 0.1, "dev/persona/accuracy": 0.2})
    tags = {} if said is None else {DECISION: said}
    client.create_model_version(NAME, run.info.artifact_uri, run.info.run_id, tags=tags)


def test_decisions_come_in_order_with_the_figures_of_their_day(client: MlflowClient) -> None:
    assert read_past_decisions(client, NAME, "test", "accuracy") == []
    register(client, "promoted", persona=0.7, base=0.5)
    register(client, None, persona=0.9)  # a run that broke off before the decision
    register(client, "refused: too low.", persona=0.6, champion=0.7, reference=0.65)

    first, second = read_past_decisions(client, NAME, "test", "accuracy")
    assert (first.version, first.said, first.promoted) == ("1", "promoted", True)
    assert first.figures == {"persona": 0.7}
    assert (second.version, second.said, second.promoted) == ("3", "refused: too low.", False)
    assert second.figures == {"persona": 0.6, "champion": 0.7, "reference": 0.65}
    assert first.registered == second.registered == datetime.now(UTC).date()
