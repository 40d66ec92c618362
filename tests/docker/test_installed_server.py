"""A server's lock in an empty environment, with the files of the image and no others."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docker.dockerfile import REPOSITORY, list_copied, read_image

QUESTION = """
import importlib.util
import components.serving.__main__
import steps.bundle_source
print(*(name for name in ("zenml", "pytest", "pandas") if importlib.util.find_spec(name)))
"""

pytestmark = pytest.mark.slow


def run(folder: Path, *command: str) -> str:
    """Run a command in a folder, with nothing of this process's Python in its environment."""
    variables = {name: value for name, value in os.environ.items() if "PYTHON" not in name}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image's /app, as its Dockerfile copies it."""
    root = tmp_path_factory.mktemp("image") / "app"
    for source in list_copied(read_image("serve")):
        target = root / source
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (REPOSITORY / source).is_dir() else shutil.copy
        copy(REPOSITORY / source, target)
    return root


def test_the_lock_is_complete(app: Path, serving_python: str) -> None:
    assert run(app, serving_python, "-m", "pip", "check") == "No broken requirements found.\n"


def test_the_server_imports_all_that_it_needs(app: Path, serving_python: str) -> None:
    assert run(app, serving_python, "-c", QUESTION) == "\n"


def test_the_command_starts(app: Path, serving_python: str) -> None:
    assert "--drain-seconds" in run(app, serving_python, "-m", "components.serving", "--help")
