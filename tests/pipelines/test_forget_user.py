"""Erasing users out of a stack in which a whole run was made with them, then a run without them.

The first run's champion has an LLM that one of them tuned, which a retraining would keep.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
from zenml import pipeline

from components.encoders.config import EncoderConfig
from components.encoders.sentence_encoder import resolve_encoder
from components.evaluation.config import EvaluationConfig
from components.histories.config import DataConfig
from components.personas.config import STORE_VARIABLE, PersonaStoreConfig
from components.personas.custody import open_custody
from components.reporting.config import ReportConfig
from components.tasks.lamp import LAMP_2
from components.user_hash import hash_user, load_key
from components.validation.config import ValidationConfig
from infra.forget_user import main
from infra.stacks.local import register_local_stack
from pipelines.train_persona import train_persona
from steps.custody_folder import CUSTODY_VARIABLE
from steps.encode_histories import encode_histories
from steps.load_histories import load_histories
from steps.model_registry import TRAINED_USERS, model_name, open_registry
from steps.tombstone_file import TOMBSTONES_VARIABLE
from steps.user_hash_key import KEY_FILE
from steps.validate_histories import validate_histories
from tests.components.tiny_models import write_sentence_encoder
from tests.components.tiny_world import LLM, SIMULATOR, make_recipe
from tests.pipelines.conftest import Run, promote

pytestmark = pytest.mark.slow

SEED = 1
TUNER, TESTED, OTHER = "train-00001", "test-00002", "train-00004"
"""A user whose questions tune the LLM, one whose questions are answered, and one who stays."""
HOLDING = {"histories", "sound_histories", "behavior_vectors"}
REPORTS = {"report", "validation"}
PREDICTIONS = {"predictions", "predictions_with_incumbents"}


@pipeline(enable_step_logs=False)
def read_and_encode(encoder: EncoderConfig) -> None:
    """The first steps of `train_persona`, with the same settings: they have the same cache keys."""
    validation = ValidationConfig()
    data = DataConfig(simulator=SIMULATOR)
    histories = load_histories(data, LAMP_2, PersonaStoreConfig(), validation, SEED)
    sound, _ = validate_histories(histories, LAMP_2, validation, True, "test")
    encode_histories(sound, LAMP_2.item_template, encoder)


class World(NamedTuple):
    """A stack of its own, with a custody and tombstones of its own."""

    root: Path
    encoder: EncoderConfig

    def train(self) -> Run:
        recipe = make_recipe(self.encoder)
        response = train_persona.with_options(enable_step_logs=False)(
            task="LaMP_2",
            data=DataConfig(simulator=SIMULATOR),
            encoder=self.encoder,
            llm=LLM,
            embedder=recipe.embedder,
            training=recipe.training,
            evaluation=EvaluationConfig(num_shuffles=1),
            report=ReportConfig(folder=self.root / "reports", show_texts=True),
            seed=SEED,
        )
        return Run(response)

    def reread(self) -> Run:
        return Run(read_and_encode(encoder=resolve_encoder(self.encoder)))


@pytest.fixture(scope="module")
def world(zenml_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("erasure")
    before = {name: os.environ[name] for name in (CUSTODY_VARIABLE, TOMBSTONES_VARIABLE)}
    os.environ[CUSTODY_VARIABLE] = str(root / "custody")
    os.environ[TOMBSTONES_VARIABLE] = str(root / "tombstones.parquet")
    os.environ[STORE_VARIABLE] = str(root / "personas")
    register_local_stack(root)
    encoder = EncoderConfig(name=str(write_sentence_encoder(root / "encoder")), max_length=32)
    yield World(root, encoder)
    register_local_stack(zenml_home)
    os.environ.update(before)
    del os.environ[STORE_VARIABLE]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Run the command; returns what it tells programs."""

    def run(*arguments: str) -> dict[str, Any]:
        capsys.readouterr()
        main([*arguments, "--json"])
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return document

    return run


def list_names(document: dict[str, Any], fate: str) -> set[str]:
    """Return what is said to be removed or kept, without the versions' numbers and run's names."""
    found = [trace["what"] for trace in document["traces"] if trace["purge"].startswith(fate)]
    return {
        name.removeprefix("artifact ").split(",")[0].split(" train_persona")[0] for name in found
    }


def read_trained(run: Run) -> set[str]:
    """Return the hashes of all users who trained a run's model."""
    client = open_registry()
    version = run.load("register_user_embedder", "registration").version
    run_id = client.get_model_version(model_name("LaMP_2"), version).run_id
    return set(pd.read_parquet(client.download_artifacts(run_id, TRAINED_USERS))["user_hash"])


def test_an_erased_user_is_nowhere_and_comes_back_from_no_cache(
    world: World, call: Callable[..., dict[str, Any]]
) -> None:
    first = world.train()
    registration = first.load("register_user_embedder", "registration")
    promote(registration)
    assert world.reread().cached == {"validate_histories", "encode_histories"}
    key = load_key(KEY_FILE)
    hashes = {user: hash_user(user, key) for user in (TUNER, TESTED, OTHER)}
    assert hashes[TUNER] in read_trained(first)

    # Everything that knows them is found, and nothing in the case of a stranger.
    tuner, tested = call(TUNER, "--dry-run"), call(TESTED, "--dry-run")
    reports = {"report", "validation", "MLflow run"}
    assert list_names(tuner, "removed") == HOLDING | reports
    models = {"llm", "trained_arms", "model persona-plug-LaMP_2", "model persona-plug-llm-LaMP_2"}
    assert list_names(tuner, "kept") == models
    assert list_names(tested, "removed") == HOLDING | reports | PREDICTIONS
    assert list_names(tested, "kept") == set()
    assert call("a stranger", "--dry-run")["traces"] == []

    # A purge that was killed had taken a part of the histories.
    shutil.rmtree(first.load("validate_histories", "sound_histories").path / "questions")
    purged = call(TUNER, "--purge")
    assert (purged["failed"], len(purged["removed"])) == ({}, len(tuner["traces"]) - len(models))
    assert not (world.root / "reports" / first.response.name).exists()
    assert not (world.root / "reports" / "latest").is_symlink()
    again = call(TUNER, "--purge")
    assert (list_names(again, "removed"), list_names(again, "kept")) == (set(), models)
    assert list_names(call(TESTED, "--purge"), "removed") == PREDICTIONS
    with closing(open_custody(world.root / "custody", key).keys):
        receipts = open_custody(world.root / "custody", key).receipts.read()
    said = {each.place for receipt in receipts for each in receipt.deletions}
    assert said >= set(purged["removed"])

    # The next retraining, with nobody thinking of tombstones, knows neither of them.
    second = world.train()
    assert set(second.statuses.values()) == {"completed"}
    assert read_trained(second) == read_trained(first) - {hashes[TUNER]}
    kept = second.load("load_histories", "histories")
    assert {TUNER, TESTED, OTHER} & {*kept.items["user_id"], *kept.questions["user_id"]} == {OTHER}
    llm = second.load("prepare_llm", "llm")
    assert llm.content_hash() != registration.llm_hash
    assert list_names(call(TUNER, "--dry-run"), "removed") == set()
    assert {trace["what"] for trace in call(TUNER, "--dry-run")["traces"]} == {
        trace["what"] for trace in again["traces"] if "challenger" not in trace["what"]
    } | {"model persona-plug-LaMP_2, version 1 (champion, reference)"}
    assert call(TESTED, "--dry-run")["traces"] == []

    # Not even the same data as at first, read without tombstones, are answered from the cache.
    assert world.reread().cached == set()
