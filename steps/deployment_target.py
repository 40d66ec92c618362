"""Where a deployment goes: to a process of this machine, or to a cluster."""

import os

from zenml.integrations.mlflow.mlflow_utils import get_tracking_uri

from components.deployment.config import DeployConfig
from components.deployment.deploy import Target
from components.deployment.local_target import LocalGateway, LocalTarget
from components.deployment.record import ModelVersion
from steps.gateway_access import ROOT, prepare_access, read_golden_key


def build_target(config: DeployConfig, model: ModelVersion) -> Target:
    """Return the target that a configuration means.

    Raises:
        ValueError: If it can't be reached at all.
    """
    assert config.target == "local"
    folder = ROOT / config.local.folder
    gateway = LocalGateway(
        folder=folder,
        settings=prepare_access(folder).settings,
        root=ROOT,
        golden_key=read_golden_key(folder),
        # So it finds the registry without ZenML.
        environment={**os.environ, "MLFLOW_TRACKING_URI": get_tracking_uri()},
    )
    return LocalTarget(gateway, model, config.local)
