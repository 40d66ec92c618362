"""The images' lock files: parts of the one lock, each with all that its extras name."""

import re
import tomllib

import pytest

from tests.docker.dockerfile import REPOSITORY

EXTRAS = {
    "requirements-serving": ("serving", "postgres"),
    "requirements-training": ("training", "postgres", "kubernetes"),
}

PIPELINE = {"accelerate", "datasets", "great-expectations", "matplotlib", "mlflow", "pandas"}
PIPELINE |= {"peft", "pyarrow", "zenml"}

each_lock = pytest.mark.parametrize("name", EXTRAS)


def read_pins(name: str) -> set[str]:
    """Return the lines of a lock, comments left out."""
    lines = (REPOSITORY / f"{name}.lock").read_text("utf-8").splitlines()
    return {line for line in lines if not line.startswith("#")}


def read_direct(*extras: str) -> set[str]:
    """Return the names of what pyproject.toml asks for directly, with these extras."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    lists = (project["dependencies"], *(project["optional-dependencies"][key] for key in extras))
    return {name_of(line) for asked in lists for line in asked}


def name_of(line: str) -> str:
    """Return a requirement's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=~! ]", line)[0]).lower()


@each_lock
def test_it_pins_what_the_whole_lock_pins(name: str) -> None:
    assert read_pins(name) - read_pins("requirements") == set()


@each_lock
def test_it_has_all_that_its_extras_name(name: str) -> None:
    assert read_direct(*EXTRAS[name]) - {name_of(line) for line in read_pins(name)} == set()


@each_lock
def test_it_has_no_tool_of_development(name: str) -> None:
    unwanted = read_direct("dev") - read_direct(*EXTRAS[name])
    # zenml's server brings websockets.
    assert {name_of(line) for line in read_pins(name)} & unwanted <= {"websockets"}


def test_a_server_has_nothing_of_the_pipeline() -> None:
    names = {name_of(line) for line in read_pins("requirements-serving")}
    assert names & PIPELINE == set()
    assert {name_of(line) for line in read_pins("requirements")} >= PIPELINE
