"""Fetch what is registered, as the steps that ask it again need it; what cannot be had is said."""

import shutil
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

from components.serving.artifact import ArtifactParts
from components.serving.fresh_process import BrokenArtifactError
from steps.model_registry import download_model, list_files, model_name, open_registry


def fetch_artifact(task_name: str, version: str, directory: Path) -> ArtifactParts:
    """Bring a registered version into a new directory, without the bytecode of its code.

    Raises:
        BrokenArtifactError: If it is gone, or not laid out as it was registered.
        MlflowException: If it is there and cannot be had: an outage is no loss.
    """
    directory.mkdir()
    try:
        parts = download_model(open_registry(), task_name, version, directory)
    except ValueError as err:
        raise BrokenArtifactError(f"version {version} cannot be used: {err}") from err
    except (MlflowException, OSError) as err:
        raise_if_gone(f"models:/{model_name(task_name)}/{version}", f"version {version}", err)
        raise
    for compiled in list(parts.components.rglob("__pycache__")):  # of no known source
        shutil.rmtree(compiled)
    return parts


def fetch_files(uri: str, directory: Path) -> Path:
    """Bring the files of a registered LLM into an existing directory.

    Raises:
        BrokenArtifactError: If there are none.
        MlflowException: If they are there and cannot be had.
    """
    try:
        found = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(directory)))
    except (MlflowException, OSError) as err:
        raise_if_gone(uri, uri, err)
        raise
    if not found.is_dir() or not any(found.iterdir()):
        raise BrokenArtifactError(f"{uri} holds no files")
    return found


def raise_if_gone(uri: str, what: str, err: Exception) -> None:
    """Say that files are lost, if what keeps them is there and has none of them.

    Raises:
        BrokenArtifactError: If they are.
        MlflowException: If that can't be told now.
    """
    if not list_files(artifact_uri=uri):
        raise BrokenArtifactError(f"{what} is gone: {err}") from err
