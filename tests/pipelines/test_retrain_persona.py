"""A year of retrainings in small.

One that trains, one that has no reason to, one that breaks off, and one that goes on and compares.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from mlflow import MlflowClient
from zenml.client import Client

from components.encoders.config import EncoderConfig
from components.evaluation.config import EvaluationConfig
from components.histories.config import DataConfig, InteractionsConfig
from components.lineage.config import RetrainingConfig
from components.personas.config import PersonaStoreConfig
from components.promotion.config import PromotionConfig, ReproducesPredictions
from components.reporting.config import ReportConfig
from components.tasks.lamp import LAMP_2
from components.user_hash import hash_user, load_key
from components.validation.config import ValidationConfig
from components.validation.tombstones import write_tombstones
from steps.user_hash_key import KEY_FILE
from tests.components.tiny_models import write_sentence_encoder
from tests.components.tiny_world import LLM, make_recipe
from tests.pipelines.conftest import Run

pytestmark = pytest.mark.slow

TASK = LAMP_2.model_copy(update={"name": "retrained_tags"})
MODEL = "persona-plug-retrained_tags"
USERS = [f"user-{number}" for number in range(8)]
ERASED = "user-7"
DAY = timedelta(days=1)
NEW_YEAR = datetime(2026, 1, 1)


def write_events(folder: Path, name: str, first_day: int, num_days: int, users: list[str]) -> None:
    """Write an event a user and day; every user likes two tags."""
    folder.mkdir(exist_ok=True)
    with (folder / f"{name}.jsonl").open("w") as file:
        for day in range(first_day, first_day + num_days):
            for number, user in enumerate(users):
                tag = LAMP_2.labels[(number + day % 2) % 4]
                event = {
                    "user_id": user,
                    "timestamp": (NEW_YEAR + day * DAY).isoformat(),
                    "movie": f"m{day}",
                    "description": f"film {day} of {user}, all about {tag}.",
                    "tag": tag,
                }
                file.write(json.dumps(event) + "\n")


class World(NamedTuple):
    """Event files, and the pipeline on them."""

    folder: Path
    retrain: Callable[[], Run]


@pytest.fixture(scope="module")
def world(zenml_home: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    from pipelines.retrain_persona import retrain_persona

    folder = tmp_path_factory.mktemp("retrain_persona")
    encoder = EncoderConfig(name=str(write_sentence_encoder(folder / "encoder")), max_length=32)
    recipe = make_recipe(encoder)
    tombstones = folder / "tombstones.parquet"
    key = load_key(KEY_FILE)
    write_tombstones(tombstones, {hash_user(ERASED, key): datetime.now(UTC)}, key)
    events = InteractionsConfig(
        path=folder / "events" / "2026-",
        item_id="movie",
        input="description",
        output="tag",
        min_events=4,
        split_by="date",
        test_share=0.25,
        dev_share=0.15,
    )

    def retrain() -> Run:
        response = retrain_persona.with_options(enable_step_logs=False)(
            task=TASK,
            data=DataConfig(source="interactions", interactions=events),
            validation=ValidationConfig(tombstones=tombstones),
            encoder=encoder,
            llm=LLM,
            embedder=recipe.embedder,
            training=recipe.training,
            evaluation=EvaluationConfig(num_shuffles=1),
            promotion=PromotionConfig(rules=(ReproducesPredictions(),)),
            personas=PersonaStoreConfig(place=str(folder / "personas"), num_shards=2),
            report=ReportConfig(folder=folder / "reports"),
            retraining=RetrainingConfig(min_new_share=0.25, on_drift=False, min_questions=5),
        )
        return Run(response)

    return World(folder / "events", retrain)


@pytest.fixture(scope="module")
def first(world: World) -> Run:
    write_events(world.folder, "2026-01", 0, 12, USERS)
    write_events(world.folder, "2025-12", -9, 9, USERS)  # not of this prefix
    return world.retrain()


@pytest.fixture(scope="module")
def skipped(world: World, first: Run) -> Run:
    write_events(world.folder, "2026-02", 12, 1, USERS[:4])
    return world.retrain()


@pytest.fixture(scope="module")
def broken(world: World, skipped: Run) -> Run:
    """The registered version's files can't be had."""
    write_events(world.folder, "2026-03", 13, 6, USERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("steps.check_artifact.fetch_artifact", refuse)
        with pytest.raises(RuntimeError, match="no route to the bucket"):
            world.retrain()
    return Run(Client().get_pipeline("retrain_persona").last_run)


def refuse(*_: object) -> None:
    raise RuntimeError("no route to the bucket")


@pytest.fixture(scope="module")
def second(world: World, broken: Run) -> Run:
    return world.retrain()


def decide(run: Run) -> Any:
    return run.load("check_retraining", "retraining")


def aliases(registry: MlflowClient) -> dict[str, str]:
    found = registry.get_registered_model(MODEL).aliases
    return {alias: str(version) for alias, version in found.items()}


def test_the_first_run_trains_and_promotes(first: Run, registry: MlflowClient) -> None:
    assert decide(first).reason == "Due: nothing has been trained yet."
    assert decide(first).newer_than is None
    assert first.response.status.value == "completed"
    assert first.load("promote_user_embedder", "promotion").promoted
    assert first.load("export_report", "report")
    histories = first.load("validate_histories", "sound_histories")
    assert len(histories.items) == 7 * 12
    splits = {}
    for question in histories.questions:
        splits.setdefault(question["split"], set()).add(question["time"])
    assert max(splits["train"]) < min(splits["dev"]) <= max(splits["dev"]) < min(splits["test"])


def test_few_new_events_are_no_reason_and_that_is_recorded(
    first: Run, skipped: Run, second: Run, registry: MlflowClient
) -> None:
    decision = decide(skipped)
    said = "Skipped: 4 new items since version 1, 21 would be enough; the data are stable."
    assert (decision.due, decision.reason, decision.new.counted_by) == (False, said, "watermark")
    assert skipped.response.status.value == "completed"
    assert set(skipped.statuses) == {
        *("load_histories", "validate_histories", "find_incumbents", "encode_histories"),
        *("check_drift", "check_retraining"),
    }
    assert skipped.response.run_metadata["retraining"]["reason"] == said
    [experiment] = registry.search_experiments(filter_string="name = 'retrain_persona'")
    query = f"tags.mlflow.runName = '{skipped.response.name}'"
    [logged] = registry.search_runs([experiment.experiment_id], query)
    assert logged.data.tags["retraining"] == said
    assert len(registry.search_model_versions(f"name = '{MODEL}'")) == 2  # of three runs


def test_what_was_skipped_counts_in_the_next_run(broken: Run) -> None:
    decision = decide(broken)
    # 4 + 6 x 8: the erased user's too, of whom nothing is kept.
    assert decision.reason == "Due: 52 new items since version 1; 21 are enough."
    assert [file.name for file in decision.watermark.files] == [
        *("2026-01.jsonl", "2026-02.jsonl", "2026-03.jsonl")
    ]


def test_a_run_that_broke_off_is_gone_on_with_from_the_cache(broken: Run, second: Run) -> None:
    assert broken.response.status.value == "failed"
    said = "Due: version 2 was trained but never decided upon: its run broke off."
    assert decide(second).reason == said
    assert {"train_user_embedder", "register_user_embedder"} <= second.cached
    assert second.load("register_user_embedder", "registration").version == "2"


def test_all_are_asked_what_is_newer_than_what_either_was_trained_on(
    first: Run, second: Run, registry: MlflowClient
) -> None:
    trained = [
        question["time"]
        for run in (first, second)
        for question in run.load("validate_histories", "sound_histories").questions
        if question["split"] != "test"
    ]
    histories = second.load("validate_histories", "sound_histories")
    newest = {row["question_id"] for row in histories.questions if row["time"] > max(trained)}
    assert decide(second).newer_than == max(trained)
    assert second.load("check_promotion", "evaluation").newer_than == max(trained)
    table = second.load("evaluate_incumbents", "predictions_with_incumbents").table.to_pandas()
    for arm in ("persona", "champion", "reference", "base"):
        assert set(table["question_id"][table["arm"] == arm]) == newest
    candidate = second.load("register_user_embedder", "registration").version
    assert second.load("promote_user_embedder", "promotion").promoted
    assert aliases(registry)["champion"] == candidate == "2"


def test_the_watermark_lies_beside_the_registered_version(
    first: Run, second: Run, registry: MlflowClient
) -> None:
    from steps.training_records import read_last_training

    last = read_last_training(registry, TASK.name)
    assert last is not None
    assert (last.version, last.watermark) == ("2", decide(second).watermark)
    assert [file.num_items for file in last.watermark.files] == [8 * 12, 4, 8 * 6]


def test_an_erased_user_is_nowhere(first: Run, second: Run) -> None:
    for run in (first, second):
        histories = run.load("load_histories", "histories")
        users = {*histories.items["user_id"], *histories.questions["user_id"]}
        assert users == set(USERS) - {ERASED}
        answered = run.load("evaluate_user_embedder", "predictions").table
        assert ERASED not in set(answered["user_id"].to_pylist())
