"""Whether a Deployment's rollout is done, and what keeps it from being done."""

import time
from collections.abc import Sequence

from components.deployment.cluster import Cluster
from components.deployment.deploy import DeployError
from components.deployment.manifests import Object, name_of
from components.deployment.release import RELEASE

LOOK_SECONDS = 1.0
HOPELESS = frozenset(
    {
        "CreateContainerConfigError",  # a Secret or ConfigMap that isn't there
        "ErrImageNeverPull",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)
"""Reasons why a container waits that no patience mends."""
NUM_CRASHES = 2
"""So many crashes of a container are a failure: nothing else has changed but the version."""


def wait_for_rollout(
    cluster: Cluster, deployment: Object, timeout_seconds: float, look_seconds: float = LOOK_SECONDS
) -> None:
    """Return when all pods of a Deployment are new and available, and the old ones gone.

    Args:
        cluster: Where it is.
        deployment: As it was applied: its template's labels tell its pods from older ones.
        timeout_seconds: Longest wait.
        look_seconds: Seconds between two looks.

    Raises:
        DeployError: If that will not be, or not in time; says what the pods wait for.
    """
    ends = time.monotonic() + timeout_seconds
    while True:
        live = cluster.find(deployment)
        if live is None:
            raise DeployError(f"{name_of(deployment)} was deleted by somebody")
        if is_rolled_out(live):
            return
        pods = cluster.list_pods(select_pods(deployment))
        fault = find_fault(live) or find_pod_fault(pods)
        if fault is None and time.monotonic() > ends:
            fault = f"not rolled out after {timeout_seconds:g} s: {count_replicas(live)}"
        if fault is not None:
            raise DeployError("\n".join([f"{name_of(live)}: {fault}", *tell_pods(cluster, pods)]))
        time.sleep(look_seconds)


def select_pods(deployment: Object) -> str:
    """Return the label selector of the pods that a Deployment makes now."""
    labels = dict(deployment["spec"]["selector"]["matchLabels"])
    made = deployment["spec"]["template"]["metadata"].get("labels") or {}
    if RELEASE in made:
        labels[RELEASE] = made[RELEASE]
    return ",".join(f"{name}={value}" for name, value in labels.items())


def is_rolled_out(live: Object) -> bool:
    """Tell whether all of a Deployment's pods are new and available, as kubectl tells it."""
    status, wanted = live.get("status") or {}, live["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < live["metadata"]["generation"]:
        return False
    updated = status.get("updatedReplicas", 0)
    return bool(
        updated == wanted
        and status.get("replicas", 0) == updated
        and status.get("availableReplicas", 0) == updated
    )


def count_replicas(live: Object) -> str:
    """Say how many pods there are of how many."""
    status = live.get("status") or {}
    return (
        f"{status.get('updatedReplicas', 0)} of {live['spec'].get('replicas', 1)} pods are new, "
        f"{status.get('availableReplicas', 0)} are available, {status.get('replicas', 0)} in all"
    )


def find_fault(live: Object) -> str | None:
    """Return what the Deployment's own conditions say against this rollout."""
    status = live.get("status") or {}
    if status.get("observedGeneration", 0) < live["metadata"]["generation"]:
        return None  # they are still the last rollout's
    for condition in status.get("conditions") or ():
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return f"no pod can be made: {condition['message']}"
        if condition.get("reason") == "ProgressDeadlineExceeded":
            return f"{condition['message']} ({count_replicas(live)})"
    return None


def find_pod_fault(pods: Sequence[Object]) -> str | None:
    """Return what is hopeless with one of the pods."""
    for pod in pods:
        for container in list_containers(pod):
            waiting = (container.get("state") or {}).get("waiting") or {}
            reason, crashes = waiting.get("reason"), container.get("restartCount", 0)
            if reason in HOPELESS:
                return f"{reason}: {waiting.get('message', '')}".rstrip(": ")
            if reason == "CrashLoopBackOff" and crashes >= NUM_CRASHES:
                return f"{container['name']} crashed {crashes} times"
    return None


def is_ready(pod: Object) -> bool:
    """Tell whether a pod answers; one that is ending, or that an autoscaler just made, doesn't."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any((one["type"], one["status"]) == ("Ready", "True") for one in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def list_containers(pod: Object) -> list[Object]:
    """Return what is known of a pod's containers."""
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def tell_pods(cluster: Cluster, pods: Sequence[Object]) -> list[str]:
    """Say of each pod that isn't ready what it waits for; of one that crashed, its last words."""
    lines = []
    for pod in pods:
        name, status = pod["metadata"]["name"], pod.get("status") or {}
        for condition in status.get("conditions") or ():
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                lines.append(f"pod {name}: {condition.get('reason')}: {condition.get('message')}")
        for container in list_containers(pod):
            if container.get("ready"):
                continue
            waiting = (container.get("state") or {}).get("waiting") or {}
            said = f"{waiting.get('reason', 'not ready')} {waiting.get('message', '')}".rstrip()
            lines.append(f"pod {name}: {container['name']}: {said}")
            if container.get("restartCount"):
                log = cluster.read_log(name, container["name"])
                lines += [f"  | {line}" for line in log.splitlines()]
    return lines
