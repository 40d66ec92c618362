"""What the train image's pods import, with the packages of its lock alone."""

import os
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.docker.dockerfile import REPOSITORY, list_copied, read_image
from tests.docker.test_locks import name_of, read_pins

pytestmark = pytest.mark.slow

PROGRAM = """
import importlib, sys
from importlib.machinery import PathFinder

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name in hidden else super().find_spec(name, path, target)

hidden, names = set(sys.argv[1].split()), sys.argv[2].split()
sys.meta_path = [Hiding if finder is PathFinder else finder for finder in sys.meta_path]
for name in names:
    importlib.import_module(name)
"""


def list_hidden() -> set[str]:
    """Return the top-level modules of all installed distributions that the lock doesn't have."""
    locked = {name_of(line) for line in read_pins("requirements-training")} | {"pip", "setuptools"}
    return {
        module
        for module, owners in packages_distributions().items()
        if not {name_of(owner) for owner in owners} & locked
    }


def list_modules() -> list[str]:
    """Return the pipelines' root modules, which ZenML imports by a bare name, and all steps."""
    copied = [source for source in list_copied(read_image("train")) if source.endswith(".py")]
    roots = [Path(source).stem for source in copied]
    steps = sorted(path.stem for path in (REPOSITORY / "steps").glob("[a-z]*.py"))
    return [*roots, *(f"steps.{name}" for name in steps)]


def import_all(modules: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    """Import modules in a process of its own, which finds nothing outside of the lock."""
    folders = {"ZENML_CONFIG_PATH": str(home), "ZENML_CUSTOM_SOURCE_ROOT": str(REPOSITORY)}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, " ".join(list_hidden()), " ".join(modules)],
        cwd=REPOSITORY,
        env={**os.environ, **folders},
        capture_output=True,
        text=True,
    )


def test_pipelines_and_steps_need_the_lock_alone(tmp_path: Path) -> None:
    modules = list_modules()
    assert {"retrain_persona", "steps.deploy_gateway"} <= set(modules)
    done = import_all(modules, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_package_outside_of_the_lock_is_not_found(tmp_path: Path) -> None:
    done = import_all(["components.serving.gateway.rate_limits"], tmp_path)
    assert "No module named 'limits'" in done.stderr
