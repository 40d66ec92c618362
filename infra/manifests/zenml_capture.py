"""Let ZenML submit a run, and keep what it would have sent to Kubernetes.

    python -m infra.manifests.zenml_capture CONFIG STACK ROOT OUTPUT

Only for a process of its own, in a ZenML home that is thrown away: `infra.manifests.zenml_jobs`.
The scheduled pipeline is compiled and submitted, and then the training; the entry point of the
training's orchestrator pod runs and starts the steps. Replaced is what talks to a cluster or a
server. The scheduled one is dynamic: which steps it starts is known when it runs, so that each of
those it may start is submitted here by itself.
"""

import json
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import yaml
from kubernetes import client as kubernetes
from zenml.client import Client
from zenml.config.schedule import Schedule
from zenml.config.step_run_info import StepRunInfo
from zenml.enums import StackComponentType
from zenml.integrations.kubernetes import kube_utils
from zenml.integrations.kubernetes.constants import STEP_NAME_ANNOTATION_KEY
from zenml.integrations.kubernetes.orchestrators import (
    kubernetes_orchestrator,
    kubernetes_orchestrator_entrypoint,
)
from zenml.integrations.kubernetes.orchestrators.kubernetes_orchestrator import (
    KubernetesOrchestrator,
)
from zenml.orchestrators import base_orchestrator
from zenml.orchestrators import utils as orchestrator_utils
from zenml.orchestrators.dag_runner import DagRunner
from zenml.orchestrators.step_launcher import StepLauncher
from zenml.orchestrators.step_run_utils import StepRunRequestFactory
from zenml.orchestrators.utils import get_config_environment_vars
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
POD = "orchestrator"
DATABASE = ("ZENML_STORE_", "ZENML_SECRETS_STORE_")
"""How the names of variables begin that say where ZenML's database is."""


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


def register(names: StackNames, root: Path) -> None:
    """Register the user's stack, with an artifact store on this disk.

    ZenML writes its own log there while it submits; nothing that it submits depends on it.

    Args:
        names: Of the cluster and what is around it.
        root: Where the stack is activated, and nowhere else.
    """
    parts = [
        Part(part.kind, "local", {}) if part.kind is StackComponentType.ARTIFACT_STORE else part
        for part in list_parts(names)
    ]
    register_stack(open_repository(root), names.name, parts)


def replace_cluster(recorder: Recorder) -> None:
    """Let ZenML talk to the recorder wherever it would talk to Kubernetes."""
    owner = kubernetes.V1OwnerReference(api_version="batch/v1", kind="Job", name=POD, uid=NO_ID)
    job = kubernetes.V1Job(metadata=kubernetes.V1ObjectMeta(name=POD))
    _replace(
        KubernetesOrchestrator,
        get_kube_client=lambda self, incluster=None: kubernetes.ApiClient(),
        _k8s_batch_api=recorder,
    )
    _replace(
        kube_utils,
        check_job_status=_answer((kube_utils.JobStatus.SUCCEEDED, None)),
        create_job=recorder.create_job,
        create_or_update_secret=_answer(None),
        delete_secret=_answer(None),
        get_job=_answer(job),
        get_parent_job_name=_answer(POD),
        get_pod_owner_references=_answer([owner]),
        update_job=_answer(job),
    )
    _replace(kubernetes_orchestrator, random=Zeros())
    _replace(
        kubernetes_orchestrator_entrypoint,
        random=Zeros(),
        # Jobs that are done at once needn't be asked every three seconds.
        DagRunner=lambda **options: DagRunner(**options | {"monitoring_interval": 0.01}),
    )
    _replace(socket, gethostname=_answer(POD))


def replace_server() -> None:
    """Let ZenML believe that its database is a server's."""
    _replace(Stack, requires_remote_server=False)
    # No step has run, so that none can be found in the cache.
    _replace(StepRunRequestFactory, has_caching_enabled=_answer(False))
    _replace(base_orchestrator, get_config_environment_vars=describe_server)
    _replace(kubernetes_orchestrator_entrypoint, get_config_environment_vars=describe_server)
    _replace(orchestrator_utils, get_config_environment_vars=describe_server)


def _replace(owner: object, **attributes: object) -> None:
    for name, value in attributes.items():
        assert hasattr(owner, name), f"{owner} has no {name} any more"
        setattr(owner, name, value)


def _answer(value: object) -> Callable[..., object]:
    """Return a function that always answers this."""
    return lambda *_, **__: value


def describe_server(**_: object) -> tuple[dict[str, str], dict[str, str]]:
    """Return the variables by which a pod finds ZenML's server, and the secret ones."""
    ours = get_config_environment_vars()[0]
    known = {name: text for name, text in ours.items() if not name.startswith(DATABASE)}
    store = RestZenStoreConfiguration(url=SERVER).model_dump(exclude_none=True)
    there = {f"ZENML_STORE_{key.upper()}": str(value) for key, value in store.items()}
    return known | there, {"ZENML_STORE_API_TOKEN": "rendered"}


def submit(config: Path) -> list[str]:
    """Submit the retraining's schedule and steps and a training, and let the training's pod run.

    Returns:
        The names of the training's steps, in their order.

    Raises:
        ValueError: If the YAML names a step that is none: ZenML only warns.
    """
    from pipelines.retrain_persona import retrain_persona
    from pipelines.train_persona import train_persona

    retrain_persona.with_options(config_path=str(config), schedule=SCHEDULE)()
    submit_isolated_steps(retrain_persona.name)
    run: Any = train_persona.with_options(config_path=str(config))()
    steps = list(run.snapshot.step_configurations)
    named = yaml.safe_load(config.read_text("utf-8")).get("steps") or {}
    if unknown := sorted(set(named) - set(steps)):
        raise ValueError(f"{config}: steps {unknown}: the pipeline has {steps}")
    sys.argv[1:] = ["--snapshot_id", str(run.snapshot.id), "--run_id", str(run.id)]
    kubernetes_orchestrator_entrypoint.main()
    return steps


def submit_isolated_steps(pipeline: str) -> None:
    """Submit every step of a dynamic pipeline with one snapshot, as its launcher does."""
    [snapshot] = Client().list_snapshots(pipeline=pipeline, named_only=False, hydrate=True).items
    launcher: Any = SimpleNamespace(_stack=Client().active_stack, _wait=False)
    for name, step in snapshot.step_configurations.items():
        known: dict[str, Any] = {
            "step_run_id": NO_ID,
            "run_id": NO_ID,
            "run_name": pipeline,
            "pipeline_step_name": name,
            "config": step.config,
            "spec": step.spec,
            "pipeline": snapshot.pipeline_configuration,
            "snapshot": snapshot,
        }
        # Without validation: there is no run, and so no record of a step's run.
        info = StepRunInfo.model_construct(**known)
        StepLauncher._run_step_with_dynamic_orchestrator(launcher, info)


def main() -> None:
    """Write the objects as JSON."""
    config, stack, root, output = map(Path, sys.argv[1:])
    names = read_names(stack)
    source_utils.set_custom_source_root(str(REPOSITORY))
    register(names, root)
    recorder = Recorder(names.cluster.namespace)
    replace_cluster(recorder)
    replace_server()
    steps = submit(config)
    # Steps of the training that may run at the same time are started in any order.
    order = {("train_persona", name): place for place, name in enumerate(steps)}
    objects = sorted(recorder.objects, key=lambda one: order.get(step_of(one), -1))
    output.write_text(json.dumps(objects), encoding="utf-8")


def step_of(thing: dict[str, Any]) -> tuple[str, str]:
    """Return the names of pipeline and step whose Job this is; empty if it is no step's."""
    metadata = thing["metadata"]
    return metadata["labels"]["pipeline"], metadata["annotations"].get(STEP_NAME_ANNOTATION_KEY, "")


if __name__ == "__main__":
    main()
