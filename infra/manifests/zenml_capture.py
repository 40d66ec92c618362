"""Let ZenML submit a run, and keep what it would have sent to Kubernetes.

    python -m infra.manifests.zenml_capture CONFIG STACK OUTPUT

Only for a process of its own, in a ZenML home that is thrown away: `infra.manifests.zenml_jobs`.
The pipeline is compiled and submitted twice, with a schedule and without; then the entry point of
the orchestrator's pod runs and starts the steps. Replaced is what talks to a cluster or a server.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from kubernetes import client as kubernetes
from zenml.client import Client
from zenml.config.global_config import GlobalConfiguration
from zenml.config.schedule import Schedule
from zenml.enums import StackComponentType
from zenml.integrations.kubernetes import kube_utils
from zenml.integrations.kubernetes.orchestrators import (
    kubernetes_orchestrator,
    kubernetes_orchestrator_entrypoint,
)
from zenml.integrations.kubernetes.orchestrators.kubernetes_orchestrator import (
    KubernetesOrchestrator,
)
from zenml.orchestrators import base_orchestrator
from zenml.orchestrators.step_run_utils import StepRunRequestFactory
from zenml.stack import Stack
from zenml.utils import source_utils
from zenml.zen_stores.rest_zen_store import RestZenStoreConfiguration

from infra.stacks.kubernetes import list_parts
from infra.stacks.names import StackNames, read_names
from infra.stacks.registration import Part, register_stack
from infra.stacks.repository import REPOSITORY, open_repository

SERVER = "https://zenml.example.com"
SCHEDULE = Schedule(name="rendered", cron_expression="0 3 * * 1")
NO_ID = str(UUID(int=0))


class Recorder:
    """A cluster that takes everything, and keeps CronJobs and Jobs.

    Args:
        namespace: Where they go.
    """

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.objects: list[dict[str, Any]] = []

    def keep(self, kind: str, thing: object) -> None:
        """Keep an object as the API server reads it."""
        # Kind and namespace stand in the address of the request; null is the same as nothing.
        plain = _drop_nulls(kubernetes.ApiClient().sanitize_for_serialization(thing))
        plain["metadata"]["namespace"] = self.namespace
        head = {"apiVersion": "batch/v1", "kind": kind}
        self.objects.append(head | plain)

    def create_namespaced_cron_job(self, body: kubernetes.V1CronJob, **_: object) -> Any:
        """Stand for `BatchV1Api`."""
        self.keep("CronJob", body)
        return body

    def create_job(self, job_manifest: kubernetes.V1Job, **_: object) -> None:
        """Stand for `kube_utils.create_job`."""
        self.keep("Job", job_manifest)


class Zeros:
    """Draws the zeros of which ZenML makes the names of Jobs: the same in every rendering."""

    def choices(self, population: Sequence[str], k: int) -> list[str]:
        """Stand for `random.choices`."""
        return [population[0]] * k


def _drop_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _drop_nulls(one) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_drop_nulls(one) for one in value]
    return value


def register(names: StackNames) -> None:
    """Register the user's stack, with an artifact store on this disk.

    ZenML writes its own log there while it submits; nothing that it submits depends on it.
    """
    parts = [
        Part(part.kind, "local", {}) if part.kind is StackComponentType.ARTIFACT_STORE else part
        for part in list_parts(names)
    ]
    register_stack(open_repository(Client.find_repository() or Path.cwd()), names.name, parts)


def replace_cluster(recorder: Recorder) -> None:
    """Let ZenML talk to the recorder wherever it would talk to Kubernetes."""
    anything: Any = KubernetesOrchestrator
    anything.get_kube_client = lambda self, incluster=None: kubernetes.ApiClient()
    anything._k8s_batch_api = recorder
    owner = kubernetes.V1OwnerReference(
        api_version="batch/v1", kind="Job", name="orchestrator", uid=NO_ID
    )
    job = kubernetes.V1Job(metadata=kubernetes.V1ObjectMeta(name=owner.name))
    answers: dict[str, Any] = {
        "check_job_status": (kube_utils.JobStatus.SUCCEEDED, None),
        "create_or_update_secret": None,
        "delete_secret": None,
        "get_job": job,
        "get_parent_job_name": owner.name,
        "get_pod_owner_references": [owner],
        "update_job": job,
    }
    for name, answer in answers.items():
        setattr(kube_utils, name, lambda *_, answer=answer, **__: answer)
    kube_utils.create_job = recorder.create_job
    for module in (kubernetes_orchestrator, kubernetes_orchestrator_entrypoint):
        module.random = Zeros()  # type: ignore[attr-defined]


def replace_server() -> None:
    """Let ZenML believe that its database is a server's."""
    Stack.requires_remote_server = False
    # No step has run, so that none can be found in the cache.
    StepRunRequestFactory.has_caching_enabled = lambda self, invocation_id: False
    for module in (base_orchestrator, kubernetes_orchestrator_entrypoint):
        module.get_config_environment_vars = describe_server  # type: ignore[attr-defined]


def describe_server(**_: object) -> tuple[dict[str, str], dict[str, str]]:
    """Return the variables by which a pod finds ZenML's server, and the secret ones."""
    ours = GlobalConfiguration().get_config_environment_vars()
    known = {name: text for name, text in ours.items() if not name.startswith("ZENML_STORE_")}
    store = RestZenStoreConfiguration(url=SERVER).model_dump(exclude_none=True)
    there = {f"ZENML_STORE_{key.upper()}": str(value) for key, value in store.items()}
    return known | there, {"ZENML_STORE_API_TOKEN": "rendered"}


def submit(config: Path) -> None:
    """Submit the pipeline with a schedule and without, and let the orchestrator's pod run."""
    from pipelines.train_persona import train_persona

    train_persona.with_options(config_path=str(config), schedule=SCHEDULE)()
    run = train_persona.with_options(config_path=str(config))()
    sys.argv[1:] = ["--snapshot_id", str(run.snapshot.id), "--run_id", str(run.id)]
    kubernetes_orchestrator_entrypoint.main()


def main() -> None:
    """Write the objects as JSON."""
    config, stack, output = map(Path, sys.argv[1:])
    names = read_names(stack)
    source_utils.set_custom_source_root(str(REPOSITORY))
    register(names)
    recorder = Recorder(names.cluster.namespace)
    replace_cluster(recorder)
    replace_server()
    submit(config)
    output.write_text(json.dumps(recorder.objects), encoding="utf-8")


if __name__ == "__main__":
    main()
