"""Today's histories against what was logged with the champion, in a real MLflow."""

import json
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from components.lineage.config import DriftConfig
from components.lineage.data_profile import DataProfile, profile_data
from components.lineage.drift import DriftReport
from components.promotion.registry_records import Incumbent, Incumbents
from steps.check_drift import check_drift
from steps.model_registry import DATA_PROFILE, model_name, open_registry
from tests.components.lineage.populations import LABELS, draw_population, write_population


@pytest.fixture
def client(zenml_home: Path, tmp_path: Path) -> MlflowClient:
    """Open the registry, with an experiment whose files do not land in the working directory."""
    client = open_registry()
    mlflow.set_experiment(experiment_id=client.create_experiment(str(tmp_path), str(tmp_path)))
    return client


def register(client: MlflowClient, profile: object) -> Incumbents:
    """Register a version as the pipeline does, of which only the data's profile is looked at."""
    name = model_name(LABELS.name)
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    with mlflow.start_run() as run:
        if profile is not None:
            mlflow.log_dict(profile, DATA_PROFILE)
    version = client.create_model_version(name, run.info.artifact_uri, run.info.run_id)
    champion = Incumbent(
        version=str(version.version), artifact_hash=None, llm_hash="", llm_settings_hash=""
    )
    return Incumbents(champion=champion)


def check(directory: Path, incumbents: Incumbents, **changes: float) -> tuple[DriftReport, str]:
    """Check another sample of users, and return the id of its MLflow run too."""
    data = write_population(directory, [draw_population(200, seed=5, **changes)])
    with mlflow.start_run() as run:
        report = check_drift.entrypoint(*data, incumbents, LABELS, DriftConfig())
    return report, run.info.run_id


def profile_champion(directory: Path) -> DataProfile:
    return profile_data(*write_population(directory, [draw_population(200, seed=4)]), LABELS)


@pytest.mark.parametrize(("longer", "status"), [(1.0, "stable"), (2.0, "drifted")])
def test_the_status_stands_in_the_artifact_the_run_and_with_the_champion(
    client: MlflowClient, tmp_path: Path, longer: float, status: str
) -> None:
    profile = profile_champion(tmp_path / "then")
    incumbents = register(client, profile.model_dump())
    assert incumbents.champion is not None
    report, run_id = check(tmp_path / "now", incumbents, longer=longer)

    assert (report.status, report.champion) == (status, profile)
    run = client.get_run(run_id).data
    assert run.tags["drift"] == status
    assert run.metrics == {f"drift.{m.name}": m.distance for m in report.measures}
    assert len(run.metrics) == 4
    version = client.get_model_version(model_name(LABELS.name), incumbents.champion.version)
    assert version.tags["drift"] == status


def test_without_a_champion_nothing_is_compared(client: MlflowClient, tmp_path: Path) -> None:
    report, run_id = check(tmp_path, Incumbents())
    assert report.verdict == "Whether the data have drifted is not known: there is no champion yet."
    assert (report.status, report.champion_version) == ("not_comparable", None)
    assert client.get_run(run_id).data.tags["drift"] == "not_comparable"
    assert client.get_run(run_id).data.metrics == {}


def test_an_earlier_versions_profile_is_said_and_no_error(
    client: MlflowClient, tmp_path: Path
) -> None:
    profile = profile_champion(tmp_path / "then").model_dump()
    for name in ("vector_spread", "effective_sizes"):
        del profile[name]
    incumbents = register(client, json.loads(json.dumps(profile)))
    assert incumbents.champion is not None
    report, _ = check(tmp_path / "now", incumbents)

    version = incumbents.champion.version
    assert (report.status, report.champion_version) == ("not_comparable", version)
    assert report.verdict == (
        "Whether the data have drifted is not known: the profile of the champion's data "
        f"(version {version}) is of another version of the code."
    )


def test_a_lost_profile_is_said_and_no_error(client: MlflowClient, tmp_path: Path) -> None:
    report, _ = check(tmp_path, register(client, None))
    assert report.status == "not_comparable"
    assert report.verdict.endswith(") is gone from MLflow.")
