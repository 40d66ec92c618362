"""The list of what serving must not need, and that importing serving's code needs none of it."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from components.serving.foreign_modules import (
    BY_THE_GATEWAY,
    NEVER,
    NOT_BY_US,
    find_foreign_modules,
)

ROOT = Path(__file__).parents[3]
IMPORTED = ["mlflow", "mlflow.pyfunc", "sklearn", "steps.caching", "steps", "torch", "zenmlx"]
FRESH = """
import sys
from components.serving import {}
print(*sys.modules)
"""


def test_what_others_import_is_foreign_only_before_they_do():
    assert find_foreign_modules(IMPORTED, is_loaded=True) == {"mlflow", "steps"}
    assert find_foreign_modules(IMPORTED, is_loaded=False) == {"mlflow", "steps", "sklearn"}


def list_imported(what):
    """What a process has imported that is about to load the model."""
    done = subprocess.run(
        [sys.executable, "-c", FRESH.format(what)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def imported():
    return list_imported("bundle, reproduce")


@pytest.fixture(scope="module")
def served():
    return list_imported("bundle, persona_model; import components.serving.gateway.app")


@pytest.mark.parametrize("name", NEVER + BY_THE_GATEWAY + NOT_BY_US)
def test_servings_code_does_not_import(imported, name):
    assert "torch" in imported
    assert name not in imported
    assert find_foreign_modules({*imported, name}, is_loaded=False) == {name}


def test_a_server_imports_beside_it_what_reads_personas(served):
    assert find_foreign_modules(served, is_loaded=False, has_store=True) == set()
    assert find_foreign_modules(served, is_loaded=False) == set(BY_THE_GATEWAY)


@pytest.mark.parametrize("name", [n for n in NEVER + BY_THE_GATEWAY if n.startswith("components.")])
def test_what_is_named_of_this_library_exists(name):
    assert find_spec(name) is not None
