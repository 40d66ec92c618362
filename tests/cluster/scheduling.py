"""ZenML's Kubernetes stack for a cluster that has no ZenML server.

ZenML refuses to submit there from a database on this disk, and hands the pods its server's address
and token: both are replaced as in `infra.manifests.zenml_capture`. All else is ZenML's own.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from zenml.client import Client
from zenml.orchestrators import base_orchestrator
from zenml.stack import Stack

from infra.manifests.zenml_capture import describe_server, register
from infra.manifests.zenml_jobs import REPOSITORY, STACK
from infra.stacks.names import read_names

CONFIG = REPOSITORY / "configs" / "kubernetes.yaml"


@contextmanager
def activate_scheduling_stack(
    root: Path, namespace: str, context: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Let the stack be active.

    Args:
        root: Of a repository of the test's own.
        namespace: Where CronJobs go.
        context: Of the kubeconfig.
        monkeypatch: Takes everything back.
    """
    monkeypatch.setenv("ZENML_SKIP_STACK_VALIDATION", "true")  # its artifacts lie on this disk
    monkeypatch.setattr(Stack, "requires_remote_server", False)
    monkeypatch.setattr(base_orchestrator, "get_config_environment_vars", describe_server)
    names = read_names(STACK)
    cluster = names.cluster.model_copy(update={"namespace": namespace, "context": context})
    # A name of its own: ZenML keeps the client of a stack that it knows already.
    names = names.model_copy(update={"name": f"t_{secrets.token_hex(4)}", "cluster": cluster})
    before = Client().root
    register(names, root)
    yield
    Client().activate_root(before)


def forget_schedules() -> None:
    """Let ZenML have none; CronJobs stay."""
    for schedule in Client().list_schedules().items:
        Client().zen_store.delete_schedule(schedule.id)
