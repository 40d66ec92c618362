"""The step reads the outside world on every run; later steps run again only if a row changed."""

import json
from pathlib import Path
from typing import Any

import pytest
from zenml import pipeline

from components.histories.config import DataConfig, LampConfig, StoreSourceConfig
from components.histories.simulator import simulate
from components.personas.config import STORE_VARIABLE, PersonaStoreConfig
from components.personas.custody import Custody
from components.personas.persona import PersonaItem
from components.personas.store import PersonaStore
from components.tasks.lamp import LAMP_2
from components.tasks.task import Task
from components.validation.config import ValidationConfig
from steps.load_histories import load_histories
from steps.persona_store import use_custody
from steps.validate_histories import validate_histories
from tests.components.personas.items import make_item, publish
from tests.components.tiny_world import SIMULATOR


@pipeline(enable_step_logs=False)
def read_and_validate(data: DataConfig, task: Task, personas: PersonaStoreConfig) -> None:
    validation = ValidationConfig()
    histories = load_histories(data, task, personas, validation, 0)
    validate_histories(histories, task, validation, False, "test")


@pytest.fixture
def lamp_folder(tmp_path: Path) -> Path:
    return simulate(SIMULATOR, LAMP_2, 0, tmp_path / "lamp")


def run(folder: Path) -> dict[str, str]:
    """Run the two steps on a folder in LaMP's layout; returns each one's status."""
    data = DataConfig(source="lamp", lamp=LampConfig(folder=folder))
    response = read_and_validate(data=data, task=LAMP_2, personas=PersonaStoreConfig())
    return {name: step.status.value for name, step in response.steps.items()}


def test_one_edited_row_runs_the_later_steps_again(lamp_folder: Path, zenml_home: Path) -> None:
    done = {"load_histories": "completed", "validate_histories": "completed"}
    assert run(lamp_folder) == done
    assert run(lamp_folder) == done | {"validate_histories": "cached"}

    path = lamp_folder / "test" / "test_questions.json"
    questions = json.loads(path.read_text())
    path.write_text(json.dumps(questions, indent=1))  # other bytes, the same rows
    assert run(lamp_folder) == done | {"validate_histories": "cached"}

    questions[0]["input"] += " Edited."
    path.write_text(json.dumps(questions))
    assert run(lamp_folder) == done


def make_movie(user: str, day: int) -> PersonaItem:
    tag = LAMP_2.labels[day % 3]
    return make_item(f"m{day}", day=day, output=tag, text=f"film {day}, which {user} saw")


def open_store(place: Path, custody: Custody) -> PersonaStore:
    return PersonaStore.open(place, custody, "minilm-1", 2, PersonaStoreConfig(num_shards=2))


def run_on_store() -> tuple[dict[str, str], Any]:
    """Run the two steps on the store; returns each one's status, and the histories' artifact."""
    data = DataConfig(source="store", store=StoreSourceConfig(min_events=5))
    response = read_and_validate(data=data, task=LAMP_2, personas=PersonaStoreConfig())
    statuses = {name: step.status.value for name, step in response.steps.items()}
    return statuses, response.steps["load_histories"].outputs["histories"][0]


def test_what_serving_appended_reaches_the_next_run(
    tmp_path: Path, zenml_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STORE_VARIABLE, str(tmp_path / "personas"))
    done = {"load_histories": "completed", "validate_histories": "completed"}
    users = {user: [make_movie(user, day) for day in range(1, 13)] for user in ("anna", "bert")}
    with use_custody() as custody, open_store(tmp_path / "personas", custody) as store:
        publish(store, users.items())
        statuses, artifact = run_on_store()
        assert statuses == done
        histories = artifact.load()
        assert len(histories.items) == 24
        assert (histories.watermark.generation, histories.watermark.sequences) == (2, (0, 0))
        logged = artifact.run_metadata["watermark"]
        assert (logged["fingerprint"], logged["generation"]) == ("minilm-1", 2)

        publish(store, users.items())  # a batch that changes nothing runs no later step again
        statuses, artifact = run_on_store()
        assert statuses == done | {"validate_histories": "cached"}
        assert artifact.load().watermark.generation == 3

        store.append("anna", [make_movie("anna", 20)])
        statuses, artifact = run_on_store()
        assert statuses == done
        assert artifact.load().items["item_id"].count("m20") == 1
        assert sum(artifact.load().watermark.sequences) == 1
