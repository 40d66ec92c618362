"""Which questions a retraining would be judged on, with a real registry."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from components.histories.config import DataConfig, InteractionsConfig
from components.histories.read import read_histories
from components.histories.tables import Histories
from components.lineage.config import DriftConfig, RetrainingConfig
from components.lineage.data_profile import DataProfile
from components.lineage.drift import DriftReport
from components.lineage.retraining import RetrainingDecision, RetrainingRecipe
from components.promotion.registry_records import Incumbent, Incumbents
from components.tasks.lamp import LAMP_2
from steps.check_retraining import check_retraining
from steps.model_registry import CHALLENGER, DATA_PROFILE, DECISION, model_name, open_registry
from tests.components.lineage.profiles import build_profile

TASK = "asked_anew"
NUM_DAYS = 40
NOW = datetime.now(UTC).replace(tzinfo=None)


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> Histories:
    """Two users' events, one a day each, the last five days still to come; half is test."""
    folder = tmp_path_factory.mktemp("check_retraining")
    with (folder / "events.jsonl").open("w") as file:
        for day in range(NUM_DAYS):
            for user in ("a", "b"):
                time = NOW + timedelta(days=day - NUM_DAYS + 5.5)
                event = {"user_id": user, "timestamp": time.isoformat(), "movie": f"m{day}"}
                event |= {"description": f"film {day}", "tag": LAMP_2.labels[day % 3]}
                file.write(json.dumps(event) + "\n")
    events = InteractionsConfig(
        path=folder / "events.jsonl",
        item_id="movie",
        input="description",
        output="tag",
        min_events=4,
        split_by="date",
        test_share=0.5,
        dev_share=0.1,
    )
    data = DataConfig(source="interactions", interactions=events)
    return read_histories(data, LAMP_2, 0, folder / "histories")


@pytest.fixture
def client(zenml_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    monkeypatch.setattr("steps.check_retraining.record", lambda _: None)  # there is no run
    client = open_registry()
    mlflow.set_experiment(experiment_id=client.create_experiment(str(tmp_path), str(tmp_path)))
    return client


def register(client: MlflowClient, task: str, profile: DataProfile | None) -> str:
    name = model_name(task)
    client.create_registered_model(name)
    with mlflow.start_run() as run:
        if profile is not None:
            mlflow.log_dict(profile.model_dump(), DATA_PROFILE)
    version = client.create_model_version(
        name, run.info.artifact_uri, run.info.run_id, tags={DECISION: "refused: by hand"}
    )
    client.set_registered_model_alias(name, CHALLENGER, version.version)
    return str(version.version)


def decide(histories: Histories, task: str, version: str) -> RetrainingDecision:
    champion = Incumbent(
        version=version, artifact_hash="a", llm_hash="llm", llm_settings_hash="settings"
    )
    today = build_profile(newest_trained=(NOW - timedelta(days=20)).isoformat())
    drift = DriftReport(
        status="stable",
        verdict="",
        champion_version=version,
        champion=None,
        today=today,
        measures=[],
    )
    recipe = RetrainingRecipe(
        config=RetrainingConfig(min_questions=20),
        drift=DriftConfig(),
        task_name=task,
        evaluated_split="test",
        is_dated=True,
    )
    decided: RetrainingDecision = check_retraining.entrypoint(
        histories, drift, Incumbents(champion=champion), recipe
    )
    return decided


def test_a_champion_is_compared_on_what_it_was_not_trained_on(
    client: MlflowClient, histories: Histories
) -> None:
    time = NOW - timedelta(days=15)
    version = register(client, TASK, build_profile(newest_trained=time.isoformat()))
    decision = decide(histories, TASK, version)
    assert (decision.newer_than, decision.num_questions) == (time, 2 * 20)


def test_a_champion_without_a_profile_is_not_compared_on_what_it_may_have_seen(
    client: MlflowClient, histories: Histories
) -> None:
    task = f"{TASK}_lost"
    version = register(client, task, None)
    decision = decide(histories, task, version)
    assert decision.newer_than is not None
    assert timedelta(0) < decision.newer_than - NOW < timedelta(hours=1)
    assert (decision.due, decision.num_questions) == (False, 2 * 5)
    assert f"of version {version} only when it was registered is known" in decision.reason
