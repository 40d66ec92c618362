"""The registry as a source of bundles: the alias is followed, and what was logged is what comes."""

import mlflow
import pytest
from mlflow import MlflowClient

from components.folder import Folder
from components.serving.bundle import ServingBundle
from components.serving.registry import open_source
from steps.bundle_source import BUNDLE, RegistrySource, log_bundle

NAME = "persona-plug-tiny"


@pytest.fixture
def client(tmp_path, monkeypatch):
    """A registry with two versions, each with a run."""
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    mlflow.set_tracking_uri(uri)
    client = MlflowClient(uri)
    experiment = client.create_experiment("tiny", str(tmp_path / "artifacts"))
    client.create_registered_model(NAME)
    for _ in range(2):
        run = client.create_run(experiment)
        client.create_model_version(NAME, f"{run.info.artifact_uri}/x", run.info.run_id)
    yield client
    mlflow.set_tracking_uri(None)


def make_bundle(folder, text):
    (folder / "plug_in").mkdir(parents=True)
    (folder / "plug_in" / "weights").write_text(text)
    return ServingBundle.at(folder)


def test_the_alias_is_followed(client, tmp_path):
    client.set_registered_model_alias(NAME, "champion", "1")
    source = open_source(f"models:/{NAME}@champion", tmp_path / "scratch")
    assert isinstance(source, RegistrySource)
    assert source.find_latest() is None  # promoted, but not packaged yet
    made = [make_bundle(tmp_path / f"made{v}", f"weights {v}") for v in "12"]
    for version, bundle in zip("12", made, strict=True):
        log_bundle(client, NAME, version, bundle)
    first = source.find_latest()
    assert first == f"1-{made[0].content_hash()}"
    assert source.fetch(first).content_hash() == made[0].content_hash()
    client.set_registered_model_alias(NAME, "champion", "2")
    second = source.find_latest()
    assert source.fetch(second).content_hash() == made[1].content_hash()
    client.set_registered_model_alias(NAME, "champion", "1")
    assert source.find_latest() == first
    pinned = open_source(f"models:/{NAME}/2", tmp_path / "scratch")
    assert pinned.find_latest() == second


def test_a_bundle_in_use_stays_while_the_next_is_fetched(client, tmp_path):
    source = open_source(f"models:/{NAME}/1", tmp_path / "scratch")
    fetched = []
    for number in range(3):
        log_bundle(client, NAME, "1", make_bundle(tmp_path / f"made{number}", f"weights {number}"))
        fetched.append(source.fetch(source.find_latest()))
    assert [bundle.path.is_dir() for bundle in fetched] == [False, True, True]


def test_what_else_lies_in_the_scratch_directory_stays(client, tmp_path):
    scratch = tmp_path / "scratch"
    for name in ("1-notes", "b", "z"):
        (scratch / name).mkdir(parents=True)
    (scratch / "file").write_text("kept")
    source = open_source(f"models:/{NAME}/1", scratch)
    log_bundle(client, NAME, "1", make_bundle(tmp_path / "made", "weights"))
    source.fetch(source.find_latest())
    kept = {path.name for path in scratch.iterdir()} - {source.find_latest()}
    assert kept == {"1-notes", "b", "z", "file"}


def test_what_was_changed_since_is_refused(client, tmp_path):
    source = open_source(f"models:/{NAME}/1", tmp_path / "scratch")
    bundle = make_bundle(tmp_path / "made", "weights")
    log_bundle(client, NAME, "1", bundle)
    latest = source.find_latest()
    run = client.get_run(client.get_model_version(NAME, "1").run_id)
    logged = Folder.at(tmp_path / "artifacts" / run.info.run_id / "artifacts" / BUNDLE)
    (logged.path / "plug_in" / "weights").write_text("others")
    with pytest.raises(ValueError, match="its serving bundle is not the one that was logged"):
        source.fetch(latest)


def test_a_place_that_is_none_is_named(client, tmp_path):
    for place in (f"models:/{NAME}", f"models:/{NAME}@", f"models:/{NAME}/one"):
        with pytest.raises(ValueError, match="must be models:/NAME@ALIAS or models:/NAME/VERSION"):
            open_source(place, tmp_path)
    with pytest.raises(ValueError, match=f"{NAME} has no champion in the registry"):
        open_source(f"models:/{NAME}@champion", tmp_path).find_latest()
    with pytest.raises(ValueError, match="nobody has no version 3 in the registry"):
        open_source("models:/nobody/3", tmp_path).find_latest()
