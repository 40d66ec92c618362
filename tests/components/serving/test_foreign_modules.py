"""The list of what serving must not need, and that importing serving's code needs none of it."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from components.serving.foreign_modules import NEVER, NOT_BY_US, find_foreign_modules

ROOT = Path(__file__).parents[3]
IMPORTED = ["mlflow", "mlflow.pyfunc", "sklearn", "steps.caching", "steps", "torch", "zenmlx"]
FRESH = """
import sys
from components.serving import bundle, reproduce
print(*sys.modules)
"""


def test_what_others_import_is_foreign_only_before_they_do():
    assert find_foreign_modules(IMPORTED, is_loaded=True) == {"mlflow", "steps"}
    assert find_foreign_modules(IMPORTED, is_loaded=False) == {"mlflow", "steps", "sklearn"}


@pytest.fixture(scope="module")
def imported():
    """What a process has imported that is about to load the model."""
    done = subprocess.run(
        [sys.executable, "-c", FRESH],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("name", NEVER + NOT_BY_US)
def test_servings_code_does_not_import(imported, name):
    assert "torch" in imported
    assert name not in imported
    assert find_foreign_modules({*imported, name}, is_loaded=False) == {name}


@pytest.mark.parametrize("name", [n for n in NEVER if n.startswith("components.")])
def test_what_is_named_of_this_library_exists(name):
    assert find_spec(name) is not None
