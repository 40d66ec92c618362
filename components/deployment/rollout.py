"""Whether a Deployment's rollout is done, and what keeps it from being done."""

import time
from collections.abc import Sequence

from components.deployment.cluster import Cluster
from components.deployment.deploy import DeployError
from components.deployment.manifests import Object, name_of

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
NUM_LOOKS = 3
"""So many looks in a row must find a fault: the last rollout's conditions stay for a moment."""
HASH, REVISION = "pod-template-hash", "deployment.kubernetes.io/revision"
"""The label of a ReplicaSet and its pods; the annotation of a Deployment and its ReplicaSets."""
NUM_CRASHES = 2
"""So many crashes of a container are a failure: nothing else has changed but the version."""


def wait_for_rollout(
    cluster: Cluster, deployment: Object, timeout_seconds: float, look_seconds: float = LOOK_SECONDS
) -> None:
    """Return when all pods of a Deployment are new and available, and the old ones gone.

    Args:
        cluster: Where it is.
        deployment: As it was applied.
        timeout_seconds: Longest wait.
        look_seconds: Seconds between two looks.

    Raises:
        DeployError: If that will not be, or not in time; says what the pods wait for.
    """
    ends, num_faulty = time.monotonic() + timeout_seconds, 0
    while True:
        live = cluster.find(deployment)
        if live is None:
            raise DeployError(f"{name_of(deployment)} was deleted by somebody")
        if is_rolled_out(live):
            return
        # Until the controller has seen it, all is still the last rollout's.
        pods = list_new_pods(cluster, live) if is_observed(live) else []
        fault = find_fault(live) or find_pod_fault(pods)
        num_faulty = 0 if fault is None else num_faulty + 1
        if is_late := time.monotonic() > ends:
            fault = fault or f"not rolled out after {timeout_seconds:g} s: {count_replicas(live)}"
        if is_late or num_faulty == NUM_LOOKS:
            raise DeployError("\n".join([f"{name_of(live)}: {fault}", *tell_pods(cluster, pods)]))
        time.sleep(look_seconds)


def list_new_pods(cluster: Cluster, live: Object) -> list[Object]:
    """Return the pods of a Deployment's newest ReplicaSet; one that is ending is none of them."""
    labels = live["spec"]["selector"]["matchLabels"]
    selector = ",".join(f"{name}={value}" for name, value in labels.items())
    newest = {
        one["metadata"]["labels"][HASH]
        for one in cluster.list_replica_sets(selector)
        if read_revision(one) == read_revision(live)
    }
    return [
        pod
        for pod in cluster.list_pods(selector)
        if pod["metadata"]["labels"].get(HASH) in newest
        and "deletionTimestamp" not in pod["metadata"]
    ]


def read_revision(thing: Object) -> str | None:
    """Return which of a Deployment's templates is meant; None before its controller says so."""
    return (thing["metadata"].get("annotations") or {}).get(REVISION)


def is_observed(live: Object) -> bool:
    """Tell whether a Deployment's status is of what it asks for now."""
    status = live.get("status") or {}
    return bool(status.get("observedGeneration", 0) >= live["metadata"]["generation"])


def is_rolled_out(live: Object) -> bool:
    """Tell whether all of a Deployment's pods are new and available, as kubectl tells it."""
    status, wanted = live.get("status") or {}, live["spec"].get("replicas", 1)
    if not is_observed(live):
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
    if not is_observed(live):
        return None
    for condition in live["status"].get("conditions") or ():
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
    """Tell whether a pod answers; one that an autoscaler just made doesn't yet."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any((one["type"], one["status"]) == ("Ready", "True") for one in conditions)


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
