"""The step reads the outside world on every run; later steps run again only if a row changed."""

import json
from pathlib import Path

import pytest
from zenml import pipeline

from components.histories.config import DataConfig, LampConfig
from components.histories.simulator import simulate
from components.tasks.lamp import LAMP_2
from components.tasks.task import Task
from components.validation.config import ValidationConfig
from steps.load_histories import load_histories
from steps.validate_histories import validate_histories
from tests.components.tiny_world import SIMULATOR


@pipeline(enable_step_logs=False)
def read_and_validate(data: DataConfig, task: Task) -> None:
    validation = ValidationConfig()
    histories = load_histories(data, task, 0, validation)
    validate_histories(histories, task, validation, False, "test")


@pytest.fixture
def lamp_folder(tmp_path: Path) -> Path:
    return simulate(SIMULATOR, LAMP_2, 0, tmp_path / "lamp")


def run(folder: Path) -> dict[str, str]:
    """Run the two steps on a folder in LaMP's layout; returns each one's status."""
    data = DataConfig(source="lamp", lamp=LampConfig(folder=folder))
    response = read_and_validate(data=data, task=LAMP_2)
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
