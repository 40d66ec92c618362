"""A registered artifact of the tiny world, with a copy of this library as MLflow makes it."""

import shutil
from pathlib import Path

import pytest

from components.serving.artifact import ArtifactParts, write_llm_reference
from components.serving.persona_model import ServingRecipe
from tests.components.tiny_world import LLM, TASK

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def registered(trained, artifacts, tmp_path_factory):
    """The parts of an artifact, and their manifest's hash; nobody may change them."""
    folder = tmp_path_factory.mktemp("registered")
    parts = ArtifactParts(
        plug_in=folder / "plug_in",
        serving=folder / "serving",
        components=folder / "code" / "components",
        loader=folder / "persona_pyfunc.py",
    )
    plug_in = trained.arm("persona")
    shutil.copytree(plug_in.path, parts.plug_in)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "components", parts.components, ignore=ignored)
    shutil.copy(ROOT / "steps" / "persona_pyfunc.py", parts.loader)
    parts.serving.mkdir()
    ServingRecipe(task=TASK, llm=LLM).specify(plug_in, artifacts.llm).write(parts.serving)
    write_llm_reference(parts.serving, artifacts.llm, "models:/tiny-llm/1")
    parts.write_manifest()
    return parts, parts.seal()


@pytest.fixture
def tampered(registered, tmp_path):
    """A copy of the artifact that a test may change, and the hash of what was registered."""
    parts, manifest_hash = registered
    folder = shutil.copytree(parts.plug_in.parent, tmp_path / "tampered")
    copy = ArtifactParts(
        folder / "plug_in",
        folder / "serving",
        folder / "code" / "components",
        folder / "persona_pyfunc.py",
    )
    return copy, manifest_hash


@pytest.fixture(scope="session")
def flip():
    """Change the last byte of a file."""

    def change(path):
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(bytes(data))

    return change
