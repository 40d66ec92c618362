"""Where a deployment goes: to a process of this machine, or to a cluster."""

import os

from zenml.integrations.mlflow.mlflow_utils import get_tracking_uri

from components.deployment.batch_job import VectorRecipe
from components.deployment.config import DeployConfig, KubernetesConfig
from components.deployment.deploy import Target
from components.deployment.golden_check import Exam
from components.deployment.local_target import LocalGateway, LocalTarget
from components.deployment.manifests import read_manifests
from components.deployment.record import ModelVersion
from components.deployment.release import make_release
from components.personas.config import PersonaStoreConfig
from components.serving.gateway.settings import GOLDEN_KEY_VARIABLE
from steps.deploy_stack import require_deploy_stack
from steps.gateway_access import ROOT, prepare_access, read_golden_key, require_personas


def build_target(
    config: DeployConfig, model: ModelVersion, exam: Exam, personas: PersonaStoreConfig
) -> Target:
    """Return the target that a configuration means.

    Args:
        config: The configuration.
        model: What is put there.
        exam: Of it.
        personas: What a gateway of this machine serves; a cluster's has its manifests.

    Raises:
        ValueError: If the manifests can't be read, the active stack can't deploy, or the gateway's
            settings are of other personas.
        DeployError: If the cluster can't be reached.
    """
    require_deploy_stack(config)
    if config.target == "kubernetes":
        recipe = VectorRecipe(exam.task, exam.encoder)
        return build_kubernetes_target(config.kubernetes, model, recipe)
    assert config.target == "local", "with the target none nothing is deployed"
    folder = ROOT / config.local.folder
    settings = prepare_access(folder, personas).settings
    require_personas(settings, personas)
    gateway = LocalGateway(
        folder=folder,
        settings=settings,
        root=ROOT,
        golden_key=read_golden_key(folder),
        # So it finds the registry without ZenML.
        environment={**os.environ, "MLFLOW_TRACKING_URI": get_tracking_uri()},
    )
    return LocalTarget(gateway, model, config.local)


def build_kubernetes_target(
    config: KubernetesConfig, model: ModelVersion, recipe: VectorRecipe
) -> Target:
    """Return the gateway and the batch of a cluster, at a version.

    Raises:
        ValueError: If the manifests can't be read, or there is no key of the golden requests.
        DeployError: If the cluster can't be reached.
    """
    # Here: the package kubernetes is an extra, and takes a second to import.
    from components.deployment.cluster import Cluster
    from components.deployment.kubernetes_target import KubernetesTarget

    golden_key = os.environ.get(GOLDEN_KEY_VARIABLE)
    if not golden_key:
        raise ValueError(
            f"{GOLDEN_KEY_VARIABLE} must hold what the cluster's Secret persona-plug-golden holds"
        )
    release = make_release(read_manifests(ROOT / config.manifests), model, recipe)
    cluster = Cluster.connect(config.context, config.namespace)
    return KubernetesTarget(cluster, release, golden_key, config.force)
