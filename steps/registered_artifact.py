"""Fetch what is registered, as the steps that ask it again need it; what cannot be had is said."""

import shutil
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

from components.serving.artifact import ArtifactParts
from components.serving.fresh_process import BrokenArtifactError
from steps.model_registry import download_model, open_registry


def fetch_artifact(task_name: str, version: str, directory: Path) -> ArtifactParts:
    """Bring a registered version into a new directory, without the bytecode of its code.

    Raises:
        BrokenArtifactError: If it cannot be had.
    """
    directory.mkdir()
    try:
        parts = download_model(open_registry(), task_name, version, directory)
    except (MlflowException, OSError, ValueError) as err:
        raise BrokenArtifactError(f"version {version} cannot be downloaded: {err}") from err
    for compiled in list(parts.components.rglob("__pycache__")):  # of no known source
        shutil.rmtree(compiled)
    return parts


def fetch_files(uri: str, directory: Path) -> Path:
    """Bring the files of a registered LLM into an existing directory.

    Raises:
        BrokenArtifactError: If they cannot be had.
    """
    try:
        found = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(directory)))
    except (MlflowException, OSError) as err:
        raise BrokenArtifactError(f"{uri} cannot be downloaded: {err}") from err
    if not found.is_dir() or not any(found.iterdir()):
        raise BrokenArtifactError(f"{uri} holds no files")
    return found
