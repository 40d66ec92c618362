"""What the last training read, and whether it came to its end, is found again by its alias."""

from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from components.histories.events import FileMark, FilesWatermark, StoreWatermark, Watermark
from components.promotion.registry_records import Incumbents, Registration
from steps.model_registry import (
    CHALLENGER,
    DATA_PROFILE,
    WATERMARK_RECORD,
    model_name,
    open_registry,
)
from steps.training_records import read_last_training, read_record
from tests.components.lineage.profiles import build_profile
from tests.pipelines.conftest import promote

TASK = "recorded"
FILES = FilesWatermark(files=(FileMark(name="a.csv", size_bytes=3, sha256="x", num_items=2),))
STORE = StoreWatermark(tenant="a", fingerprint="e", generation=2, sequences=(1, 0))


@pytest.fixture
def client(zenml_home: Path, tmp_path: Path) -> MlflowClient:
    """Open the registry, with an experiment whose files do not land in the working directory."""
    client = open_registry()
    mlflow.set_experiment(experiment_id=client.create_experiment(str(tmp_path), str(tmp_path)))
    return client


def register(client: MlflowClient, profile: object, watermark: Watermark | None) -> str:
    """Register a version as the pipeline does, of which only these records are looked at."""
    name = model_name(TASK)
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    with mlflow.start_run() as run:
        mlflow.log_dict(profile, DATA_PROFILE)
        if watermark is not None:
            mlflow.log_dict(watermark.model_dump(), WATERMARK_RECORD)
    version = str(client.create_model_version(name, run.info.artifact_uri, run.info.run_id).version)
    client.set_registered_model_alias(name, CHALLENGER, version)
    return version


def test_before_the_first_training_there_is_none(client: MlflowClient) -> None:
    assert read_last_training(client, "never heard of") is None


@pytest.mark.parametrize("watermark", [FILES, STORE, None])
def test_profile_and_watermark_are_those_that_were_logged(
    client: MlflowClient, watermark: Watermark | None
) -> None:
    profile = build_profile(newest_trained="2026-01-02T00:00:00")
    version = register(client, profile.model_dump(), watermark)
    last = read_last_training(client, TASK)
    assert last is not None
    assert (last.version, last.profile, last.watermark) == (version, profile, watermark)


@pytest.mark.parametrize(
    ("tags", "unfinished"),
    [
        ({}, "was trained but never decided upon"),
        ({"decision": "promoted"}, "was promoted but never packaged for serving"),
        ({"decision": "promoted", "serving_bundle": "hash"}, None),
        ({"decision": "refused: too low."}, None),
    ],
)
def test_a_run_that_broke_off_is_told(
    client: MlflowClient, tags: dict[str, str], unfinished: str | None
) -> None:
    version = register(client, build_profile().model_dump(), None)
    for key, value in tags.items():
        client.set_model_version_tag(model_name(TASK), version, key, value)
    last = read_last_training(client, TASK)
    assert last is not None
    assert last.unfinished == unfinished


def test_what_was_judged_last_counts_and_not_what_nobody_decided_upon(client: MlflowClient) -> None:
    """The registration of a judged version may come from the cache, and be an older one."""
    older, _ = (register(client, build_profile().model_dump(), None) for _ in range(2))
    candidate = Registration(
        model_name=model_name(TASK),
        version=older,
        weights_hash="weights",
        llm_hash="llm",
        encoder_fingerprint="encoder",
        artifact_hash="seal",
    )
    assert not promote(candidate, promoted=False, incumbents=Incumbents()).promoted
    last = read_last_training(client, TASK)
    assert last is not None
    assert (last.version, last.unfinished) == (older, None)


def test_a_later_codes_watermark_is_not_known(client: MlflowClient) -> None:
    version = register(client, build_profile().model_dump(), None)
    run_id = client.get_model_version(model_name(TASK), version).run_id
    client.log_dict(run_id, {"kind": "of a later code"}, WATERMARK_RECORD)
    last = read_last_training(client, TASK)
    assert last is not None
    assert last.profile is not None
    assert last.watermark is None


def test_records_of_a_run_that_is_gone_are_not_known(client: MlflowClient) -> None:
    register(client, build_profile().model_dump(), FILES)
    name = model_name(TASK)
    version = client.create_model_version(name, "/nowhere", "ab" * 16).version
    client.set_registered_model_alias(name, CHALLENGER, version)
    last = read_last_training(client, TASK)
    assert last is not None
    assert (last.profile, last.watermark) == (None, None)


def test_what_is_there_and_cannot_be_read_is_no_loss(client: MlflowClient) -> None:
    """A training, which begins when the last one's data are not known, would cost GPU hours."""
    version = register(client, build_profile().model_dump(), None)
    run = client.get_run(client.get_model_version(model_name(TASK), version).run_id)
    profile = Path(run.info.artifact_uri) / DATA_PROFILE
    profile.unlink()
    profile.symlink_to("nowhere")
    with pytest.raises(OSError, match="data_profile"):
        read_last_training(client, TASK)


def test_a_server_that_does_not_answer_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(MlflowException, match="Connection refused"):
        read_record(MlflowClient("http://127.0.0.1:9"), "ab" * 16, DATA_PROFILE)


def test_an_older_codes_profile_is_not_known(client: MlflowClient) -> None:
    register(client, {"num_users": 3}, FILES)
    last = read_last_training(client, TASK)
    assert last is not None
    assert (last.profile, last.watermark) == (None, FILES)
