"""The double's controllers: Deployments and Indexed Jobs make pods and tell of them.

They do so at once; that of Deployments after `delay_seconds`, until when all is as it was.

As in a cluster old pods stay until all new ones are ready (maxUnavailable 0, maxSurge 1).
"""

import copy
import hashlib
import json
from contextlib import suppress
from threading import RLock, Timer
from typing import Any

from tests.cluster.double.kubelet import Kubelet
from tests.cluster.double.store import RefusedError, Store

Object = dict[str, Any]
HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"


class Controllers:
    """Reacts to what is stored.

    Args:
        kubelet: Runs pods; None: there is no node, so nothing ever runs.
    """

    def __init__(self, kubelet: Kubelet | None) -> None:
        self.kubelet = kubelet
        self.store: Store | None = None
        self.lock = RLock()
        self.delay_seconds = 0.0

    def react(self, thing: Object) -> None:
        """Do what the controllers of a stored object's kind do."""
        if thing["kind"] == "Namespace":
            account = {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": "default"},
            }
            self._store().update(account, thing["metadata"]["name"], "kube-controller-manager")
        if self.kubelet is None:
            return
        if thing["kind"] == "Deployment" and self.delay_seconds:
            Timer(self.delay_seconds, self._roll_out_later, [thing]).start()
        elif thing["kind"] == "Deployment":
            self._roll_out(thing)
        elif thing["kind"] == "Job" and "status" not in thing:
            self._run_job(thing)
        elif thing["kind"] == "Pod" and "status" not in thing:
            self._write_status(thing, self.kubelet.start(thing))

    def clean_up(self, gone: Object) -> None:
        """Delete the pods of a deleted object."""
        if gone["kind"] in ("Deployment", "Job") and self.kubelet is not None:
            for pod in self._pods_of(gone):
                self._delete(pod)
        if gone["kind"] == "Pod" and self.kubelet is not None:
            self.kubelet.stop(gone["metadata"]["name"])

    def _roll_out_later(self, deployment: Object) -> None:
        metadata = deployment["metadata"]
        with self.lock, suppress(RefusedError):  # it may be gone by now, or another one
            live = self._store().get("Deployment", metadata["namespace"], metadata["name"])
            if live["metadata"]["generation"] == metadata["generation"]:
                self._roll_out(deployment)

    def _roll_out(self, deployment: Object) -> None:
        store = self._store()
        template = deployment["spec"]["template"]
        digest = hash_template(template)
        wanted = deployment["spec"].setdefault("replicas", 1)
        self._make_replica_set(deployment, digest)
        if violations := store.find_violations(deployment):
            message = (
                f'pods "x" is forbidden: violates PodSecurity "restricted:latest": {violations}'
            )
            self._write_status(deployment, count(deployment, [], [], refused=message))
            return
        new = [p for p in self._pods_of(deployment) if p["metadata"]["labels"][HASH] == digest]
        for number in range(len(new), wanted):
            pod = self._make_pod(deployment, template, f"{digest}-{number}", {HASH: digest})
            new.append(pod)
            if not is_ready(pod):
                break  # maxSurge 1
        old = [p for p in self._pods_of(deployment) if p["metadata"]["labels"][HASH] != digest]
        if all(is_ready(pod) for pod in new):
            for pod in old:
                self._delete(pod)
            old = []
        else:
            for pod in [p for p in old if not is_ready(p)]:
                self._delete(pod)
        self._write_status(deployment, count(deployment, new, old))

    def _make_replica_set(self, deployment: Object, digest: str) -> None:
        """Make the template's ReplicaSet the newest; it owns the pods only by their labels."""
        metadata, spec = deployment["metadata"], deployment["spec"]
        labels = {**spec["template"]["metadata"]["labels"], HASH: digest}
        name, revision = f"{metadata['name']}-{digest}", int(read_revision(deployment))
        found = self._store().select("ReplicaSet", metadata["namespace"], f"{HASH}={digest}")
        if not any(read_revision(one) == str(revision) for one in found):
            revision += 1
        annotations = {REVISION: str(revision)}
        metadata["annotations"] = {**(metadata.get("annotations") or {}), **annotations}
        replica_set = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": name, "labels": labels, "annotations": annotations},
            "spec": {"selector": {"matchLabels": labels}, "template": spec["template"]},
        }
        self._store().update(replica_set, metadata["namespace"], "kube-controller-manager")

    def _run_job(self, job: Object) -> None:
        spec = job["spec"]
        done: dict[bool, list[str]] = {True: [], False: []}
        for index in range(spec.get("completions", 1)):
            template = copy.deepcopy(spec["template"])
            container = template["spec"]["containers"][0]
            container["env"] = [
                *container.get("env", ()),
                {"name": "JOB_COMPLETION_INDEX", "value": str(index)},
            ]
            pod = self._make_pod(job, template, str(index), {})
            done[pod["status"]["phase"] == "Succeeded"].append(str(index))
        status: Object = {"succeeded": len(done[True]), "failed": len(done[False])}
        status["completedIndexes"] = ",".join(done[True])
        if done[False]:
            status["failedIndexes"] = ",".join(done[False])
        kind, reason = ("Failed", "FailedIndexes") if done[False] else ("Complete", "Done")
        status["conditions"] = [{"type": kind, "status": "True", "reason": reason}]
        self._write_status(job, status)

    def _make_pod(self, owner: Object, template: Object, suffix: str, labels: Object) -> Object:
        metadata = copy.deepcopy(template.get("metadata") or {})
        metadata["name"] = f"{owner['metadata']['name']}-{suffix}"
        metadata["labels"] = {
            **(metadata.get("labels") or {}),
            **labels,
            "double/owner": own(owner),
        }
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "spec": copy.deepcopy(template["spec"]),
        }
        space = owner["metadata"]["namespace"]
        self._store().update(pod, space, "kube-controller-manager")
        return self._store().get("Pod", space, metadata["name"])

    def _pods_of(self, owner: Object) -> list[Object]:
        selector = f"double/owner={own(owner)}"
        return self._store().select("Pod", owner["metadata"]["namespace"], selector)

    def _delete(self, pod: Object) -> None:
        metadata = pod["metadata"]
        self._store().delete("Pod", metadata["namespace"], metadata["name"])
        assert self.kubelet is not None
        self.kubelet.stop(metadata["name"])

    def _write_status(self, thing: Object, status: Object) -> None:
        self._store().write_status(thing, status)

    def _store(self) -> Store:
        assert self.store is not None
        return self.store


def own(owner: Object) -> str:
    return f"{owner['kind']}.{owner['metadata']['name']}"


def read_revision(thing: Object) -> str:
    return str((thing["metadata"].get("annotations") or {}).get(REVISION, "0"))


def hash_template(template: Object) -> str:
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]


def is_ready(pod: Object) -> bool:
    return bool(pod.get("status") and pod["status"]["containerStatuses"][0]["ready"])


def count(
    deployment: Object, new: list[Object], old: list[Object], refused: str | None = None
) -> Object:
    """Return a Deployment's status."""
    ready = [pod for pod in [*new, *old] if is_ready(pod)]
    status: Object = {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": len(new) + len(old),
        "updatedReplicas": len(new),
        "readyReplicas": len(ready),
        "availableReplicas": len(ready),
    }
    if refused is not None:
        failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"}
        status["conditions"] = [{**failure, "message": refused}]
    return status
