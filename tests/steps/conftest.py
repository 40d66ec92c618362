"""A throw-away source root with a two-step pipeline whose files a test may edit."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

STEPS = """
import shutil, tempfile
from pathlib import Path
from typing import Annotated
from zenml import step
from components.folder import Folder
from steps.caching import code_of
from steps.materializers import FolderMaterializer

@step(enable_cache=False, output_materializers=FolderMaterializer)
def read_outside(outside: str) -> Annotated[Folder, "read"]:
    folder = Path(tempfile.mkdtemp()) / "copy"
    shutil.copytree(outside, folder)
    return Folder.at(folder)

@step(cache_policy=code_of(__file__))
def use_inside(read: Folder) -> Annotated[int, "used"]:
    from toy_parts.used import use
    return use(read.path)
"""
PIPELINE = """
from zenml import pipeline
from toy_steps.toy import read_outside, use_inside

@pipeline
def toy_pipeline(outside: str) -> None:
    use_inside(read_outside(outside))
"""
USED = """
def use(path):
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
"""


class ToyRepository:
    """The source root, and the folder outside it that the first step reads."""

    def __init__(self, root: Path, outside: Path) -> None:
        self.root, self.outside = root, outside

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(text)

    def run(self) -> dict[str, str]:
        """Run the pipeline from its files as they are; returns each step's status."""
        for name in [name for name in sys.modules if name.startswith("toy_")]:
            del sys.modules[name]
        importlib.invalidate_caches()
        pipeline = importlib.import_module("toy_pipelines.toy").toy_pipeline
        run = pipeline.with_options(enable_step_logs=False)(outside=str(self.outside))
        return {name: str(step.status) for name, step in run.steps.items()}


@pytest.fixture
def toy_repository(
    zenml_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ToyRepository]:
    from zenml.utils import source_utils

    root, outside = tmp_path / "root", tmp_path / "outside"
    toy = ToyRepository(root, outside)
    toy.write("toy_steps/toy.py", STEPS)
    toy.write("toy_pipelines/toy.py", PIPELINE)
    toy.write("toy_parts/used.py", USED)
    toy.write("toy_parts/unused.py", "")
    (outside / "deep").mkdir(parents=True)
    (outside / "deep" / "row.txt").write_text("four")
    (outside / "test.txt").write_text(tmp_path.name)  # one test's runs never answer another's
    before = source_utils._CUSTOM_SOURCE_ROOT
    source_utils.set_custom_source_root(str(root))
    monkeypatch.syspath_prepend(str(root))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # an edit within a second is an edit
    yield toy
    source_utils.set_custom_source_root(before)
