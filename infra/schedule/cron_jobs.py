"""The CronJobs of a stack's cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kubernetes import client as kubernetes
from kubernetes.client import V1CronJob
from urllib3.exceptions import HTTPError
from zenml.client import Client
from zenml.integrations.kubernetes import kube_utils
from zenml.integrations.kubernetes.orchestrators import KubernetesOrchestrator

NOT_FOUND = 404
TIMEOUT_SECONDS = 20
TIME_ZONE = "Etc/UTC"


class CronJobs:
    """Those in the namespace of the active stack.

    Args:
        orchestrator: Of the stack.
    """

    def __init__(self, orchestrator: KubernetesOrchestrator) -> None:
        self.namespace: str = orchestrator.config.kubernetes_namespace
        self._orchestrator = orchestrator

    def find(self, name: str) -> V1CronJob | None:
        """Return the CronJob of a name, if there is one.

        Raises:
            ValueError: If the cluster doesn't say.
        """
        with telling_cluster_errors():
            try:
                return self._api().read_namespaced_cron_job(
                    name, self.namespace, _request_timeout=TIMEOUT_SECONDS
                )
            except kubernetes.ApiException as err:
                if err.status == NOT_FOUND:
                    return None
                raise

    def list_of(self, pipeline: str) -> list[V1CronJob]:
        """Return those that ZenML made of a pipeline's schedules.

        Raises:
            ValueError: If the cluster doesn't say.
        """
        label = kube_utils.sanitize_label_value(pipeline)
        with telling_cluster_errors():
            listed = self._api().list_namespaced_cron_job(
                self.namespace, label_selector=f"pipeline={label}", _request_timeout=TIMEOUT_SECONDS
            )
        found: list[V1CronJob] = listed.items
        return found

    def set_time_zone(self, name: str) -> None:
        """Let a CronJob's times be UTC, which ZenML leaves to the controller manager's clock.

        Raises:
            ValueError: If the cluster refuses.
        """
        with telling_cluster_errors():
            self._api().patch_namespaced_cron_job(
                name,
                self.namespace,
                {"spec": {"timeZone": TIME_ZONE}},
                _request_timeout=TIMEOUT_SECONDS,
            )

    def _api(self) -> kubernetes.BatchV1Api:
        return kubernetes.BatchV1Api(self._orchestrator.get_kube_client())


@contextmanager
def telling_cluster_errors() -> Iterator[None]:
    """Let what the cluster refuses be an error that its user can read.

    Raises:
        ValueError: In place of the Kubernetes client's own errors.
    """
    try:
        yield
    except kubernetes.ApiException as err:
        raise ValueError(
            f"the cluster refuses: HTTP {err.status} {err.reason}: {err.body}"
        ) from err
    except HTTPError as err:
        raise ValueError(f"the cluster can't be reached: {err}") from err


def open_cron_jobs(client: Client) -> CronJobs:
    """Return the CronJobs of the active stack's cluster.

    Args:
        client: ZenML's.

    Raises:
        ValueError: If its orchestrator is none of a cluster.
    """
    stack = client.active_stack
    if not isinstance(stack.orchestrator, KubernetesOrchestrator):
        raise ValueError(
            f"the active stack {stack.name} has a {stack.orchestrator.flavor} orchestrator, which "
            "has no schedules; `python -m infra.stacks.kubernetes --config FILE` activates a stack "
            "that has"
        )
    return CronJobs(stack.orchestrator)


def find_image(cron_job: V1CronJob) -> str:
    """Return the image of the orchestrator's pod, which is the steps' too."""
    [container] = cron_job.spec.job_template.spec.template.spec.containers
    return str(container.image)


def list_running(cron_job: V1CronJob | None) -> list[str]:
    """Return the names of the Jobs of a CronJob that are not over."""
    status: Any = cron_job.status if cron_job is not None else None
    return [one.name for one in (status.active or ())] if status is not None else []
