"""What every step of this repository must declare, read from the steps themselves."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from zenml.steps import BaseStep
from zenml.steps.utils import parse_return_type_annotations

from components.folder import Folder
from steps.caching import import_closure
from steps.materializers import FolderMaterializer

ROOT = Path(__file__).resolve().parents[2]
STEPS = sorted(ROOT.glob("steps/*.py"))


def load_step(path: Path) -> BaseStep | None:
    """Return the step that a file of `steps/` is named after, or None for a file without one."""
    found = getattr(importlib.import_module(f"steps.{path.stem}"), path.stem, None)
    return found if isinstance(found, BaseStep) else None


@pytest.mark.parametrize("path", STEPS, ids=lambda path: path.stem)
def test_a_step_names_its_code_and_its_folders(path: Path) -> None:
    step = load_step(path)
    if step is None:
        return

    policy = step.configuration.cache_policy
    if step.configuration.enable_cache is not False:
        assert policy, "a cached step says which code it uses: cache_policy=code_of(__file__)"
        assert f"steps/{path.name}" in (policy.file_dependencies or [])
    for name, output in parse_return_type_annotations(step.entrypoint).items():
        if isinstance(output.resolved_annotation, type) and issubclass(
            output.resolved_annotation, Folder
        ):
            declared = step.configuration.outputs.get(name)
            sources = (declared and declared.materializer_source) or []
            names = [source.attribute for source in sources]
            assert names == [FolderMaterializer.__name__], f"output {name} is a folder"


@pytest.mark.parametrize("path", STEPS, ids=lambda path: path.stem)
def test_a_step_imports_no_other_step(path: Path) -> None:
    """What it imports is in its cache key: an edit in the one would run the other again."""
    others = {other for other in STEPS if other != path and load_step(other)}

    assert import_closure({path}, ROOT) & others == set()


@pytest.mark.parametrize("hash_seed", ["0", "3"])
def test_several_outputs_have_one_order_in_every_process(hash_seed: str, zenml_home: Path) -> None:
    """The order is part of ZenML's cache key; a set of these two has another one for each seed."""
    module = "from steps.validate_histories import validate_histories as step"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    shown = subprocess.run(
        [sys.executable, "-c", f"{module}; print(*step.configuration.outputs)"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.split() == ["sound_histories", "validation"]
