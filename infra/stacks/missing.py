"""What a run on a Kubernetes stack needs and does not find."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import NamedTuple

import requests
from kubernetes import client as kubernetes
from kubernetes import config as kubernetes_config
from urllib3.exceptions import HTTPError
from zenml.client import Client

from infra.stacks.names import StackNames

PACKAGES = {
    "s3": ("s3fs", "boto3"),
    "gcp": ("gcsfs", "google.cloud.storage"),
    "azure": ("adlfs",),
}
"""What ZenML's artifact stores import, by flavor."""
TIMEOUT_SECONDS = 5
NOT_FOUND = 404


class Gaps(NamedTuple):
    """What stands between a stack and a run.

    Attributes:
        missing: What a run will fail without.
        unchecked: What could not be asked from this machine.
    """

    missing: list[str]
    unchecked: list[str]


def find_gaps(names: StackNames) -> Gaps:
    """Look for packages, ZenML's server, MLflow, and the names in the cluster."""
    gaps = Gaps([], [])
    gaps.missing.extend(_find_packages(names.artifact_store.flavor))
    if Client().zen_store.is_local_store():
        gaps.missing.append(
            "a remote ZenML server: pods can't reach the database on this machine, and ZenML "
            "refuses the run. `zenml login https://...`, then this command again"
        )
    if trouble := _ask_mlflow(names.mlflow.address):
        gaps.unchecked.append(
            f"MLflow at {names.mlflow.address}: {trouble}. It is the pods that must reach it"
        )
    _ask_cluster(names, gaps)
    return gaps


def _find_packages(flavor: str) -> Iterator[str]:
    for package in PACKAGES[flavor]:
        try:
            found = find_spec(package)
        except ModuleNotFoundError:  # of a package that it lies in
            found = None
        if found is None:
            yield f"the package {package}, which ZenML's {flavor} artifact store imports"


def _ask_mlflow(address: str) -> str | None:
    """Return what is wrong with the server at this address, seen from here."""
    try:
        answer = requests.get(f"{address.rstrip('/')}/health", timeout=TIMEOUT_SECONDS)
    except requests.RequestException as err:
        return f"can't be reached from here ({type(err).__name__})"
    return None if answer.ok else f"answers {answer.status_code} to /health"


def _ask_cluster(names: StackNames, gaps: Gaps) -> None:
    """Look for what the stack names in its namespace."""
    cluster = names.cluster
    try:
        api = _open_cluster(names)
    except kubernetes_config.ConfigException as err:
        gaps.unchecked.append(f"the cluster: {err}")
        return
    secrets = {secret.name for secret in names.secrets.values()} | set(names.image_pull_secrets)
    wanted: list[tuple[str, Callable[..., object], set[str]]] = [
        (
            "service account",
            api.read_namespaced_service_account,
            {cluster.pipeline_account, cluster.step_account},
        ),
        ("ConfigMap", api.read_namespaced_config_map, set(names.config_maps)),
        ("Secret", api.read_namespaced_secret, secrets),
    ]
    for kind, read, all_names in wanted:
        for name in sorted(all_names):
            try:
                read(name, cluster.namespace, _request_timeout=TIMEOUT_SECONDS)
            except kubernetes.ApiException as err:
                if err.status == NOT_FOUND:
                    gaps.missing.append(f"the {kind} {name} in namespace {cluster.namespace}")
                else:
                    gaps.unchecked.append(f"the {kind} {name}: the cluster says {err.reason}")
            except HTTPError as err:
                gaps.unchecked.append(f"the cluster: can't be reached ({type(err).__name__})")
                return


def _open_cluster(names: StackNames) -> kubernetes.CoreV1Api:
    settings = kubernetes.Configuration()
    if names.cluster.in_cluster:
        kubernetes_config.load_incluster_config(client_configuration=settings)
    else:
        context = names.cluster.context
        kubernetes_config.load_kube_config(context=context, client_configuration=settings)
    settings.retries = False  # an address that does not answer is told after the first time
    return kubernetes.CoreV1Api(kubernetes.ApiClient(settings))
