"""A throw-away ZenML home, made before anything imports ZenML, and a stack in it on request."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
HOME = Path(tempfile.mkdtemp(prefix="persona-plug-tests-"))

# Set on import, not in a fixture: ZenML reads some of these when it is imported, and no test
# may touch the user's own ZenML, MLflow or Hugging Face folders, even by accident.
os.environ.pop("ZENML_ACTIVE_STACK_ID", None)
os.environ.pop("MLFLOW_TRACKING_URI", None)
os.environ.update(
    ZENML_CONFIG_PATH=str(HOME / "zenml"),
    ZENML_LOCAL_STORES_PATH=str(HOME / "stores"),
    ZENML_REPOSITORY_PATH=str(HOME / "repository"),
    ZENML_ANALYTICS_OPT_IN="false",
    ZENML_AUTO_OPEN_DASHBOARD="false",
    ZENML_ENABLE_RICH_TRACEBACK="false",
    ZENML_LOGGING_COLORS_DISABLED="true",
    MLFLOW_DISABLE_TELEMETRY="true",
    GX_ANALYTICS_ENABLED="false",
    HF_HOME=str(HOME / "huggingface"),
    HF_HUB_OFFLINE="1",
    TOKENIZERS_PARALLELISM="false",
    PERSONA_PLUG_USER_HASH_KEY="of the tests",  # else a run makes state/user_hash.key
    PERSONA_PLUG_CUSTODY=str(HOME / "custody"),
    PERSONA_PLUG_TOMBSTONES=str(HOME / "tombstones.parquet"),
    MPLBACKEND="Agg",
    MPLCONFIGDIR=str(HOME / "matplotlib"),
)


def pytest_unconfigure() -> None:
    """Remove the throw-away home."""
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def serving_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of an environment that has what a server's lock names, and nothing else.

    Installed as the Makefile and the image install: pip, torch, then the rest.
    """
    folder, lock = tmp_path_factory.mktemp("serving"), REPOSITORY / "requirements-serving.lock"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = str(folder / "bin" / "python")
    [torch] = [line for line in lock.read_text().splitlines() if line.startswith("torch==")]
    pip = [python, "-m", "pip", "install", "--quiet", "--no-compile"]
    pip.append("--disable-pip-version-check")
    for wanted in (["-c", lock, "pip"], ["-c", lock, torch], ["--no-deps", "-r", lock]):
        subprocess.run([*pip, *wanted], check=True)
    return python


@pytest.fixture(scope="session")
def zenml_home() -> Iterator[Path]:
    """Register the local stack in the throw-away home; yields the root that holds its `.zen`.

    Pipelines are imported from this repository (the source root). Costs about five seconds, once.
    """
    from zenml.utils import source_utils

    from infra.stacks.local import register_local_stack

    root = HOME / "repository"
    root.mkdir(exist_ok=True)
    source_utils.set_custom_source_root(str(REPOSITORY))
    register_local_stack(root)
    yield root
    source_utils.set_custom_source_root(None)
