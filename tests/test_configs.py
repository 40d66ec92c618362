"""Every YAML in configs/ is read as strictly as ZenML reads it, and where ZenML is lax, more so."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_core import to_jsonable_python
from zenml.config.pipeline_run_configuration import PipelineRunConfiguration

from components.tasks.lamp import LAMP_3
from components.tasks.task import Task
from pipelines.readable_errors import ReadableErrors
from pipelines.retrain_persona import retrain_persona
from pipelines.train_persona import train_persona

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.y*ml"))


def prepare(path: Path, pipeline: ReadableErrors = train_persona) -> dict[str, Any]:
    """Read the YAML as `zenml pipeline run -c` does and wire the steps without running them.

    Returns:
        The pipeline's arguments, as the pipeline's own types; only what the YAML says.
    """
    pipeline = pipeline.with_options(config_path=str(path))
    pipeline.prepare()
    return pipeline._parameters


def write_config(directory: Path, parameters: dict[str, Any]) -> Path:
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump({"parameters": parameters}))
    return path


def test_there_are_configs() -> None:
    assert "smoke.yaml" in [path.name for path in CONFIGS]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_zenml_knows_every_key_at_the_top(path: Path) -> None:
    """ZenML itself passes an unknown key over in silence."""
    document = yaml.safe_load(path.read_text())

    assert set(document) <= set(PipelineRunConfiguration.model_fields)
    PipelineRunConfiguration.model_validate(document)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_parameters_are_the_pipelines(path: Path) -> None:
    document = yaml.safe_load(path.read_text())

    parameters = prepare(path)
    assert set(document["parameters"]) <= {*parameters, "retraining"}
    assert isinstance(parameters["task"], Task)
    source = parameters["data"].source
    assert getattr(parameters["data"], source) is not None


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_a_retraining_reads_what_a_training_reads(path: Path) -> None:
    document, parameters = yaml.safe_load(path.read_text()), prepare(path, retrain_persona)

    assert set(document["parameters"]) <= set(parameters)
    assert to_jsonable_python(prepare(path)).items() <= parameters.items()


def test_two_commented_lines_retrain_from_the_persona_store(tmp_path: Path) -> None:
    """As the document's `sed` writes them, for a schedule on a cluster."""
    [trained] = [path for path in CONFIGS if path.name == "kubernetes.yaml"]
    path = tmp_path / "retrain.yaml"
    path.write_text(re.sub(r"(?m)^  # (data|retraining):", r"  \1:", trained.read_text()))

    parameters = prepare(path, retrain_persona)
    assert parameters["data"]["source"] == "store"
    assert parameters["data"]["store"]["split_by"] == "date"
    assert parameters["retraining"]["max_days"] == 30


@pytest.mark.parametrize("pipeline", [train_persona, retrain_persona], ids=lambda one: one.name)
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_steps_are_the_pipelines(path: Path, pipeline: ReadableErrors) -> None:
    """ZenML itself only warns of a step that isn't there."""
    pipeline = pipeline.with_options(config_path=str(path))
    pipeline.prepare()

    named = yaml.safe_load(path.read_text()).get("steps", {})
    assert set(named) <= set(pipeline.invocations)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"traning": {"history_dropout": 0.5}}, "traning"),
        ({"training": {"history_droput": 0.5}}, "training.history_droput"),
        ({"data": {"simulator": {"num_users": 3}}}, "data.simulator.num_users"),
        ({"llm": {"warm_start": {"fit": {"epochs": 3}}}}, "llm.warm_start.fit.epochs"),
        ({"training": {"history_dropout": 1.5}}, "training.history_dropout"),
        ({"data": {"source": "lamp"}}, "data"),
        ({"task": {"name": "mine"}}, "task.kind"),
        ({"task": {"like": "LaMP_3", "show_outptus": False}}, "task.show_outptus"),
        ({"task": {"like": "LaMP_3", "labels": ["2", "1"]}}, "task"),
    ],
)
def test_a_wrong_parameter_is_named(parameters: dict[str, Any], field: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="wrong parameters of the pipeline") as caught:
        prepare(write_config(tmp_path, parameters))

    assert f"\n  {field}: " in str(caught.value)


@pytest.mark.parametrize("task", ["LaMP_22", {"like": "LaMP_22", "show_outputs": False}])
def test_an_unknown_task_is_named(task: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no built-in task 'LaMP_22'; there are") as caught:
        prepare(write_config(tmp_path, {"task": task}))
    assert "\n  task: " in str(caught.value)


def test_a_built_in_task_is_changed(tmp_path: Path) -> None:
    parameters = {"task": {"like": "LaMP_3", "name": "plain", "show_outputs": False}}
    changed = prepare(write_config(tmp_path, parameters))["task"]
    assert changed == LAMP_3.model_copy(update={"name": "plain", "show_outputs": False})
    assert changed.item_template == "review: {text}"
