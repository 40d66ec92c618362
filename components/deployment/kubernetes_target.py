"""The target `kubernetes`: the gateway's Deployment of a cluster, and the batch's Job.

What was last applied and answered its golden requests stays in a ConfigMap of the same namespace:
there it is when the registry isn't, when another machine deploys next, and when a deployment was
killed halfway. A rollback applies it again.
"""

import difflib
import json
from contextlib import AbstractContextManager
from functools import partial
from math import ceil

import yaml

from components.deployment.cluster import Cluster
from components.deployment.deploy import DeployError
from components.deployment.golden_check import Door
from components.deployment.lease import Lease
from components.deployment.manifests import Object, name_of
from components.deployment.release import MODEL, Release, strip_live
from components.deployment.rollout import is_ready, list_new_pods, wait_for_rollout

LAST_GOOD = "persona-plug-release"
"""The ConfigMap of what is gone back to, and the Lease of who deploys."""
CHECK_SECONDS = 300
"""How much longer than the longest wait the lease is held: golden requests take their time too."""
KEEP_SECONDS = 5
"""A signal waits until a version is kept: so long is the API server asked for it."""
RELEASE_FILE = "release.json"
GATEWAY_PORT = 8000
"""Where the gateway's pods listen."""


class KubernetesTarget:
    """A version on a cluster.

    Args:
        cluster: The cluster.
        release: The version's objects.
        golden_key: By which golden requests are asked.
        force: Whether fields of other managers are taken over.
    """

    def __init__(self, cluster: Cluster, release: Release, golden_key: str, force: bool) -> None:
        self._cluster, self._release = cluster, release
        self._key, self._force = golden_key, force
        self.is_replacing = False
        self._before: list[Object] = []
        self._is_noted = False
        self._lease: Lease | None = None
        self._timeout_seconds = 0.0

    @property
    def objects_hash(self) -> str:
        """The sha256 of all objects."""
        return self._release.hash_objects()

    def alone(self, who: str, timeout_seconds: float) -> AbstractContextManager[None]:
        """Keep other deployments to the namespace out for a block.

        Raises:
            DeployError: If another one is under way.
        """
        self._timeout_seconds = timeout_seconds
        duration_seconds = ceil(timeout_seconds) + CHECK_SECONDS
        self._lease = Lease(self._cluster, LAST_GOOD, who, duration_seconds)
        return self._lease.hold()

    def preview(self) -> str:
        """Return the difference between what is there and what would be, by a dry run.

        Raises:
            DeployError: If the API server would refuse something.
        """
        self._before = self._find_before()
        gateway = self._preview(self._release.gateway)
        # Who was killed halfway has left a gateway that isn't what was noted.
        is_unnoted = self._is_noted and self._before != self._release.gateway
        self.is_replacing = bool(gateway) or is_unnoted
        self._note(self._release.gateway, dry_run=True)
        return gateway + self._preview(self._own(self._release.batch))

    def apply(self) -> None:
        """Apply the gateway; what is replaced is noted first, if nothing is yet.

        Raises:
            DeployError: If something is refused.
        """
        self._begin(self._timeout_seconds)
        if self.is_replacing and self._before and not self._is_noted:
            self._note(self._before)  # else who comes after one that was killed takes this for it
            self._is_noted = True
        for thing in self._release.gateway:
            self._cluster.apply(thing, force=self._force)

    def wait(self, timeout_seconds: float) -> None:
        """Return when all of the gateway's pods are new and ready.

        Raises:
            DeployError: If they will not be, or not in time.
        """
        self._begin(timeout_seconds)
        wait_for_rollout(self._cluster, self._release.deployment, timeout_seconds)

    def doors(self) -> list[Door]:
        """Return a way to ask each of the new pods that are ready.

        Raises:
            DeployError: If there is none.
        """
        self._begin(self._timeout_seconds)
        live = self._cluster.find(self._release.deployment)
        pods = [] if live is None else list_new_pods(self._cluster, live)
        names = [pod["metadata"]["name"] for pod in pods if is_ready(pod)]
        if not names:
            raise DeployError("the gateway has no pods: is it scaled to 0?")
        return [
            Door(f"pod {name}", self._key, partial(self._cluster.forward, name, GATEWAY_PORT))
            for name in names
        ]

    def keep(self) -> str:
        """Note the gateway as what to go back to.

        Raises:
            DeployError: If that is refused.
        """
        self._begin(KEEP_SECONDS)
        self._note(self._release.gateway)
        return name_served(self._release.deployment)

    def settle(self, timeout_seconds: float) -> None:
        """Begin the batch; nobody waits for it.

        Raises:
            DeployError: If something is refused.
        """
        self._cluster.insist(timeout_seconds)
        begun = self._own(self._release.batch)
        for thing in begun:
            self._cluster.apply(thing, force=self._force)
        for thing, before in zip(self._own(begun), begun, strict=True):
            if thing != before:  # settings, and now there is a Job that can own them
                self._cluster.apply(thing, force=self._force)

    def roll_back(self, timeout_seconds: float) -> str:
        """Apply what was there before; delete a gateway that was not there at all.

        Raises:
            DeployError: If it doesn't come back.
        """
        self._begin(timeout_seconds)
        if not self._before:
            self._cluster.delete(self._release.deployment)
            return "nothing: there was no gateway before"
        for thing in self._before:
            self._cluster.apply(thing, force=True)
        if self._is_noted:  # perhaps the new one was noted already, and the answer got lost
            self._note(self._before)
        wait_for_rollout(self._cluster, self._before[-1], timeout_seconds)
        return name_served(self._before[-1])

    def _preview(self, things: list[Object]) -> str:
        diffs = []
        for thing in things:
            live = self._cluster.find(thing)
            then = self._cluster.apply(thing, force=self._force, dry_run=True)
            diffs.append(write_diff(name_of(thing), live, then))
        return "".join(diffs)

    def _own(self, batch: list[Object]) -> list[Object]:
        """Let the batch's settings go when its Job goes, a day after its end."""
        job = self._cluster.find(batch[-1]) if batch else None
        return batch if job is None else [own_settings(thing, job) for thing in batch]

    def _begin(self, seconds: float) -> None:
        """Begin a phase of so many seconds, unless another deployment has begun meanwhile."""
        assert self._lease is not None, "only who is alone changes something"
        self._cluster.insist(seconds)
        self._lease.renew()

    def _note(self, objects: list[Object], *, dry_run: bool = False) -> None:
        """Note what to go back to, whoever has edited it: the record is nobody's but ours."""
        note = note_release(objects, self._cluster.namespace)
        self._cluster.apply(note, force=True, dry_run=dry_run)

    def _find_before(self) -> list[Object]:
        noted = self._cluster.find(note_release([], self._cluster.namespace))
        self._is_noted = noted is not None
        if noted is not None:
            return read_note(noted)
        live = self._cluster.find(self._release.deployment)
        return [] if live is None else [strip_live(live)]


def note_release(objects: list[Object], namespace: str) -> Object:
    """Return the ConfigMap of what to go back to."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": LAST_GOOD,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/part-of": "persona-plug"},
        },
        "data": {RELEASE_FILE: json.dumps(objects, sort_keys=True)},
    }


def read_note(noted: Object) -> list[Object]:
    """Return what is gone back to.

    Raises:
        DeployError: If it can't be read.
    """
    try:
        objects: list[Object] = json.loads(noted["data"][RELEASE_FILE])
    except (KeyError, ValueError) as err:
        raise DeployError(
            f"{name_of(noted)} holds no {RELEASE_FILE} that can be read: delete it, and what is "
            "live now is what is gone back to"
        ) from err
    return objects


def name_served(deployment: Object) -> str:
    """Return which model a Deployment serves."""
    told = deployment["metadata"].get("annotations") or {}
    return f"{name_of(deployment)} with {told.get(MODEL, 'the model that its manifest names')}"


def own_settings(thing: Object, job: Object) -> Object:
    """Return an object of a batch; its settings, which have the Job's name, as owned by that."""
    name = job["metadata"]["name"]
    if thing["kind"] != "ConfigMap" or thing["metadata"]["name"] != name:
        return thing
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": job["metadata"]["uid"]}
    return {**thing, "metadata": {**thing["metadata"], "ownerReferences": [owner]}}


def write_diff(name: str, live: Object | None, then: Object) -> str:
    """Return what changes in an object, as lines with + and -; empty if nothing does."""
    before = [] if live is None else write_lines(live)
    lines = difflib.unified_diff(before, write_lines(then), f"{name} now", f"{name} then")
    return "".join(lines)


def write_lines(thing: Object) -> list[str]:
    """Return an object as lines of YAML, without what the cluster writes of itself."""
    metadata, own = dict(thing["metadata"]), ("status",)
    for field in ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"):
        metadata.pop(field, None)
    shown = {key: value for key, value in thing.items() if key not in own}
    return yaml.safe_dump({**shown, "metadata": metadata}).splitlines(keepends=True)
