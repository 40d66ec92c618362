"""What a deployment takes from the model registry, and the traces that it leaves there."""

import getpass
import os
import socket
from pathlib import Path

from mlflow import MlflowClient
from zenml.client import Client

from components.deployment.golden_check import Exam
from components.deployment.record import Deployment, ModelVersion
from components.serving.bundle import CARD, GOLDEN, PLUG_IN
from components.serving.persona_model import SPEC
from components.user_embedder.embedder_folder import CARD as EMBEDDER
from steps.bundle_source import BUNDLE

DEPLOYED, RECORDS = "deployment", "deployments"
"""The tag of a version's last deployment, and the folder of all records in its run."""
MAX_TAG_CHARS = 5000


def find_version(client: MlflowClient, name: str, version: str) -> ModelVersion:
    """Return a registered version that can be served.

    Raises:
        ValueError: If it has no serving bundle.
    """
    digest = client.get_model_version(name, version).tags.get(BUNDLE)
    if digest is None:
        raise ValueError(f"version {version} of {name} has no serving bundle: package it first")
    return ModelVersion(name=name, version=version, bundle_hash=digest)


def fetch_exam(client: MlflowClient, model: ModelVersion, directory: Path) -> Exam:
    """Bring a version's golden requests into a directory; its weights stay where they are."""
    run_id = client.get_model_version(model.name, model.version).run_id
    folder = directory / "exam"
    for name in (CARD, GOLDEN, SPEC, f"{PLUG_IN}/{EMBEDDER}"):
        # Whether what is brought lies in its folders hangs on the artifact store.
        brought = client.download_artifacts(run_id, f"{BUNDLE}/{name}", str(directory))
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Path(brought).rename(folder / name)
    return Exam.read(folder)


def record_deployment(client: MlflowClient, record: Deployment) -> None:
    """Leave the record in the run that made the version, and its end as the version's tag."""
    model = record.model
    assert model is not None, "only what was deployed is recorded"
    run_id = client.get_model_version(model.name, model.version).run_id
    name = f"{RECORDS}/{record.started.replace(':', '')}-{record.target}.json"
    client.log_dict(run_id, record.model_dump(mode="json"), name)
    said = f"{record.target}: {record.outcome} {record.started} by {record.who}: {record.reason}"
    client.set_model_version_tag(model.name, model.version, DEPLOYED, said[:MAX_TAG_CHARS])


def name_operator() -> str:
    """Return who asks: ZenML's user, and the account of this machine."""
    try:
        account = getpass.getuser()
    except (KeyError, OSError):  # a pod's user has a number only
        account = str(os.getuid())
    return f"{Client().active_user.name} ({account}@{socket.gethostname()})"
