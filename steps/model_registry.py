"""MLflow's model registry as the steps use it: names, aliases, and finding things again.

The registered model of a task is `persona-plug-<task>`, with the aliases `challenger` (registered
or judged last), `champion`, `previous` and `reference`. A warm-started LLM is a registered model of
its own, `persona-plug-llm-<task>`, whose versions are found by the tag `content_hash`.
"""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from yaml import YAMLError
from zenml.integrations.mlflow.mlflow_utils import get_tracking_uri

from components.lineage.trained_users import read_tuning_users
from components.llm.llm_folder import LLMFolder
from components.promotion.registry_records import Incumbent, Incumbents
from components.serving.artifact import ArtifactParts
from components.validation.tombstones import ErasedUsers

CHALLENGER, CHAMPION, PREVIOUS = "challenger", "champion", "previous"
REFERENCE = "reference"
"""Set by the first promotion, moved by a person: losses are counted from there."""
DECISION = "decision"
"""Tag of a version that says what became of it."""
ROLLED_BACK = "rolled_back"
"""Tag of a version that lost the office by `infra.rollback`."""
TRAINED_USERS = "trained_users.parquet"
"""Logged in every run that registers, before it registers: `components.lineage.trained_users`."""
DATA_PROFILE = "data_profile.json"
"""Logged in every run that registers: `components.lineage.data_profile`."""
WATERMARK_RECORD = "watermark.json"
"""Logged beside it where the source has one: up to where the data of the training went."""


def open_registry() -> MlflowClient:
    """Return a client of the active stack's MLflow; set for MLflow's own functions too."""
    uri = get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    return MlflowClient(tracking_uri=uri)


def model_name(task_name: str) -> str:
    """Return the name of a task's registered model."""
    return f"persona-plug-{task_name}"


def llm_model_name(task_name: str) -> str:
    """Return the name under which a task's warm-started LLMs are registered."""
    return f"persona-plug-llm-{task_name}"


def is_missing(err: MlflowException) -> bool:
    """Return whether an error of MLflow's says that something isn't there, as no outage does."""
    return bool(err.error_code == "RESOURCE_DOES_NOT_EXIST")


def list_files(**where: str) -> set[str]:
    """Return the names of files that MLflow keeps; none if what would hold them is gone.

    Args:
        **where: A run or a URI, as `mlflow.artifacts.list_artifacts` takes it.

    Raises:
        MlflowException: If MLflow can't say: an outage is no loss.
    """
    try:
        return {file.path for file in mlflow.artifacts.list_artifacts(**where)}
    except MlflowException as err:
        if is_missing(err):
            return set()
        raise


def find_by_alias(client: MlflowClient, name: str, alias: str) -> ModelVersion | None:
    """Return the version that an alias points to; None if there is no such model or alias."""
    try:
        return client.get_model_version_by_alias(name, alias)
    except MlflowException as err:
        if is_missing(err) or err.error_code == "INVALID_PARAMETER_VALUE":
            return None
        raise


def read_incumbents(
    client: MlflowClient, task_name: str, erased: ErasedUsers | None = None
) -> Incumbents:
    """Return who holds the offices of the task; nobody before the first promotion."""
    return Incumbents(
        champion=read_incumbent(client, task_name, CHAMPION, erased),
        reference=read_incumbent(client, task_name, REFERENCE, erased),
    )


def read_incumbent(
    client: MlflowClient, task_name: str, alias: str, erased: ErasedUsers | None = None
) -> Incumbent | None:
    """Return what is known of the version that an alias points to."""
    version = find_by_alias(client, model_name(task_name), alias)
    if version is None:
        return None
    return Incumbent(
        version=str(version.version),
        artifact_hash=version.tags.get("artifact_hash"),
        llm_hash=version.tags["llm_hash"],
        llm_settings_hash=version.tags["llm_settings_hash"],
        llm_knows_erased=erased is not None and knows_erased(client, version.run_id, erased),
    )


def knows_erased(client: MlflowClient, run_id: str, erased: ErasedUsers) -> bool:
    """Return whether questions of erased users tuned the LLM of a run's model."""
    with TemporaryDirectory() as directory:
        path = Path(client.download_artifacts(run_id, TRAINED_USERS, directory))
        return not erased.hashes.isdisjoint(read_tuning_users(path))


def find_llm(client: MlflowClient, task_name: str, content_hash: str) -> ModelVersion | None:
    """Return the registered LLM with that content, if there is one."""
    query = f"name = '{llm_model_name(task_name)}'"
    versions = client.search_model_versions(query)
    return next((v for v in versions if v.tags.get("content_hash") == content_hash), None)


def download_llm(
    client: MlflowClient, task_name: str, content_hash: str, directory: Path
) -> LLMFolder:
    """Bring a registered LLM into an existing empty directory, its content checked.

    Raises:
        ValueError: If it isn't registered, or its bytes are not those that were.
    """
    version = find_llm(client, task_name, content_hash)
    if version is None:
        raise ValueError(
            f"the champion's LLM {content_hash} is not registered as "
            f"{llm_model_name(task_name)!r}; set llm.keep_champions to false to prepare a new one"
        )
    found = mlflow.artifacts.download_artifacts(artifact_uri=version.source)
    shutil.copytree(found, directory, dirs_exist_ok=True)
    llm = LLMFolder.at(directory)
    if llm.content_hash() != content_hash:
        raise ValueError(f"{version.source}: the LLM's content changed since it was registered")
    return llm


def download_tuning_record(
    client: MlflowClient, task_name: str, llm: LLMFolder, directory: Path
) -> Path | None:
    """Bring the `TRAINED_USERS` of the run that tuned a registered LLM into a directory.

    An LLM is registered, once, by the run that tuned it: its record lies beside it.

    Returns:
        The file; None for an LLM that isn't registered yet.
    """
    version = find_llm(client, task_name, llm.content_hash())
    if version is None:
        return None
    return Path(client.download_artifacts(version.run_id, TRAINED_USERS, str(directory)))


def register_llm(client: MlflowClient, task_name: str, llm: LLMFolder) -> ModelVersion:
    """Register an LLM's folder within the active MLflow run, once for each content."""
    content_hash = llm.content_hash()
    known = find_llm(client, task_name, content_hash)
    if known is not None:
        return known
    run = mlflow.active_run()
    assert run is not None, "registering happens within a tracked step"
    mlflow.log_artifacts(str(llm.path), artifact_path="llm")
    name = llm_model_name(task_name)
    try:
        client.create_registered_model(name, description="Warm-started LLMs, found by content.")
    except MlflowException as err:
        if err.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    source = mlflow.get_artifact_uri("llm")
    return client.create_model_version(
        name, source, run.info.run_id, tags={"content_hash": content_hash}
    )


def download_model(
    client: MlflowClient, task_name: str, version: str, directory: Path
) -> ArtifactParts:
    """Bring a registered model into an existing directory.

    Raises:
        ValueError: If it is not laid out as `register_user_embedder` lays it out.
    """
    uri = f"models:/{model_name(task_name)}/{version}"
    found = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(directory)))
    try:
        flavor = Model.load(found).flavors["python_function"]
        saved = flavor["artifacts"]  # MLflow keeps own names
        return ArtifactParts(
            plug_in=found / saved["plug_in"]["path"],
            serving=found / saved["serving"]["path"],
            components=found / flavor["code"] / "components",
            loader=found / Path(flavor["model_code_path"]).name,
        )
    except (YAMLError, KeyError, TypeError, AttributeError) as err:
        raise ValueError(f"{uri}: its MLmodel cannot be read: {err}") from err
