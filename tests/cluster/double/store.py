"""The objects of the double, as an API server keeps them."""

import copy
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

from infra.manifests import objects
from infra.manifests.pod_security import check_restricted
from infra.manifests.schemas import check_schema
from tests.cluster.double import fields
from tests.cluster.double.cron_jobs import find_trouble
from tests.cluster.double.schema import VERSION, define, find_schema

Object = dict[str, Any]
ENFORCE = "pod-security.kubernetes.io/enforce"
CREATED = "2026-01-01T00:00:00Z"


class Resource(NamedTuple):
    """A kind that the double knows."""

    api_version: str
    kind: str
    plural: str
    is_namespaced: bool = True


RESOURCES = (
    Resource("v1", "Namespace", "namespaces", False),
    Resource("v1", "Node", "nodes", False),
    Resource("v1", "Pod", "pods"),
    Resource("v1", "ConfigMap", "configmaps"),
    Resource("v1", "Secret", "secrets"),
    Resource("v1", "Service", "services"),
    Resource("v1", "ServiceAccount", "serviceaccounts"),
    Resource("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    Resource("apps/v1", "Deployment", "deployments"),
    Resource("apps/v1", "ReplicaSet", "replicasets"),
    Resource("apps/v1", "StatefulSet", "statefulsets"),
    Resource("batch/v1", "Job", "jobs"),
    Resource("batch/v1", "CronJob", "cronjobs"),
    Resource("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    Resource("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Resource("coordination.k8s.io/v1", "Lease", "leases"),
    Resource("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
    Resource("rbac.authorization.k8s.io/v1", "Role", "roles"),
    Resource("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
)


class RefusedError(Exception):
    """What the API answers with another status than 200."""

    def __init__(self, code: int, reason: str, message: str, causes: list[Object] | None = None):
        super().__init__(message)
        self.status: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "details": {"causes": causes or []},
            "code": code,
        }


class Kept(NamedTuple):
    thing: Object
    managers: fields.Managers


class Store:
    """All objects, and who has set their fields.

    Args:
        on_change: Told of every stored object; the controllers.
    """

    def __init__(self, on_change: Callable[[Object], None]) -> None:
        self._kept: dict[tuple[str, str, str], Kept] = {}
        self._on_change = on_change
        self._version = 100

    def get(self, kind: str, namespace: str, name: str) -> Object:
        key = (kind, namespace, name)
        if key not in self._kept:
            plural = next(one.plural for one in RESOURCES if one.kind == kind)
            raise RefusedError(404, "NotFound", f'{plural} "{name}" not found')
        kept = self._kept[key]
        shown = copy.deepcopy(kept.thing)
        shown["metadata"]["managedFields"] = fields.write_managers(
            kept.managers, shown["apiVersion"]
        )
        return check(shown)

    def require_absent(self, kind: str, namespace: str, name: str) -> None:
        """Refuse to create what is there."""
        if (kind, namespace, name) in self._kept:
            plural = next(one.plural for one in RESOURCES if one.kind == kind)
            raise RefusedError(409, "AlreadyExists", f'{plural} "{name}" already exists')

    def require_unchanged(self, kind: str, namespace: str, name: str, given: Object) -> None:
        """Refuse to put something in the place of what is another version by now, or gone."""
        version = self.get(kind, namespace, name)["metadata"]["resourceVersion"]
        if given["metadata"].get("resourceVersion", version) != version:
            plural = next(one.plural for one in RESOURCES if one.kind == kind)
            message = f'Operation cannot be fulfilled on {plural} "{name}": the object has been '
            message += "modified; please apply your changes to the latest version and try again"
            raise RefusedError(409, "Conflict", message)

    def select(self, kind: str, namespace: str, selector: str = "") -> list[Object]:
        wanted = dict(one.split("=", 1) for one in selector.split(",") if one)
        found = [key for key in self._kept if key[0] == kind and namespace in ("", key[1])]
        things = [self.get(*key) for key in sorted(found)]
        labelled = {"matchLabels": wanted}
        return [
            one for one in things if objects.select(labelled, one["metadata"].get("labels") or {})
        ]

    def apply(
        self, given: Object, namespace: str, manager: str, force: bool, dry_run: bool
    ) -> Object:
        schema, key = self._prepare(given, namespace)
        kept = self._kept.get(key)
        live = strip(given) if kept is None else kept.thing
        managers: fields.Managers = {} if kept is None else kept.managers
        then, owners, conflicts = fields.apply(schema, live, given, managers, manager, force)
        if conflicts:
            raise RefusedError(409, "Conflict", write_conflicts(conflicts), list_causes(conflicts))
        return self._store(key, kept, Kept(then, owners), dry_run)

    def update(self, given: Object, namespace: str, manager: str) -> Object:
        """Store an object as somebody sends it: a PUT, a POST or a merged patch."""
        schema, key = self._prepare(given, namespace)
        given = copy.deepcopy(given)
        given["metadata"].pop("managedFields", None)
        kept = self._kept.get(key)
        before = strip(given) if kept is None else kept.thing
        managers: fields.Managers = {} if kept is None else kept.managers
        owners = fields.note_update(schema, before, given, managers, manager)
        return self._store(key, kept, Kept(given, owners), False)

    def write_status(self, thing: Object, status: Object) -> None:
        key = self._key(thing)
        if key in self._kept:
            self._kept[key].thing["status"] = status

    def delete(self, kind: str, namespace: str, name: str) -> Object:
        gone = self.get(kind, namespace, name)
        del self._kept[kind, namespace, name]
        if kind == "Namespace":
            self._kept = {key: kept for key, kept in self._kept.items() if key[1] != name}
        return gone

    def _prepare(self, given: Object, namespace: str) -> tuple[Object, tuple[str, str, str]]:
        """Check what was sent, as the API server does before it looks at anything else."""
        check_given(given)
        is_namespaced = next(r.is_namespaced for r in RESOURCES if r.kind == given["kind"])
        if is_namespaced:
            given["metadata"].setdefault("namespace", namespace)
            self.get("Namespace", "", namespace)
        if given["kind"] == "Pod":
            self._admit(given)
        if given["kind"] == "CronJob" and (trouble := find_trouble(given)):
            raise tell_invalid(given, trouble)
        return define(find_schema(given["apiVersion"], given["kind"])), self._key(given)

    def _key(self, thing: Object) -> tuple[str, str, str]:
        metadata = thing["metadata"]
        return thing["kind"], metadata.get("namespace", ""), metadata["name"]

    def _admit(self, pod: Object) -> None:
        """Refuse a pod that breaks the namespace's Pod Security."""
        if violations := self.find_violations(pod):
            name = pod["metadata"]["name"]
            message = f'pods "{name}" is forbidden: violates PodSecurity "restricted:latest"'
            told = ", ".join(f"{one.field} {one.message}" for one in violations)
            raise RefusedError(403, "Forbidden", f"{message}: {told}")

    def find_violations(self, thing: Object) -> list[Any]:
        """Return what the namespace's Pod Security has against an object's pods."""
        space = self._kept[("Namespace", "", thing["metadata"]["namespace"])].thing
        if (space["metadata"].get("labels") or {}).get(ENFORCE) != "restricted":
            return []
        pod = objects.find_pod(thing)
        return [] if pod is None else check_restricted(pod)

    def _store(self, key: Any, kept: Kept | None, new: Kept, dry_run: bool) -> Object:
        metadata = new.thing["metadata"]
        if kept is None:
            metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": CREATED, "generation": 1}
        elif new.thing["kind"] == "Job":
            check_immutable(kept.thing, new.thing)
        if kept is not None:
            old = kept.thing["metadata"]
            metadata |= {name: old[name] for name in ("uid", "creationTimestamp", "generation")}
            metadata["resourceVersion"] = old["resourceVersion"]
            if (kept.thing, kept.managers) == (new.thing, new.managers):
                return self.get(*key)
            if kept.thing.get("spec") != new.thing.get("spec"):
                metadata["generation"] += 1
        self._version += 1
        metadata["resourceVersion"] = str(self._version)
        shown = copy.deepcopy(new.thing)
        shown["metadata"]["managedFields"] = fields.write_managers(
            new.managers, shown["apiVersion"]
        )
        check(shown)
        if dry_run:
            return shown
        self._kept[key] = new
        self._on_change(new.thing)
        return self.get(*key)


def check(thing: Object) -> Object:
    """Return an answer that is as the schema of its kind wants it.

    Raises:
        AssertionError: If it is none that an API server could give.
    """
    wrong = check_schema(thing, VERSION)
    assert not wrong, f"the double would answer {thing['kind']}: {wrong}"
    return thing


def check_given(given: Object) -> None:
    """Refuse an object that isn't built as its kind, as strict field validation does."""
    if wrong := check_schema(given, VERSION):
        told = "; ".join(f"{one.field}: {one.message}" for one in wrong)
        raise tell_invalid(given, told)


def tell_invalid(given: Object, told: str) -> RefusedError:
    name = given.get("metadata", {}).get("name")
    return RefusedError(422, "Invalid", f'{given.get("kind")} "{name}" is invalid: {told}')


def check_immutable(before: Object, after: Object) -> None:
    """Refuse to change what a Job's pods are made of."""
    if before["spec"] != after["spec"]:
        name = after["metadata"]["name"]
        message = f'Job.batch "{name}" is invalid: spec.template: Invalid value: field is immutable'
        raise RefusedError(422, "Invalid", message)


def strip(given: Object) -> Object:
    """Return an object of this name with nothing in it."""
    names = {
        key: given["metadata"][key] for key in ("name", "namespace") if key in given["metadata"]
    }
    return {"apiVersion": given["apiVersion"], "kind": given["kind"], "metadata": names}


def write_conflicts(conflicts: list[tuple[fields.Path, str]]) -> str:
    noun = "conflict" if len(conflicts) == 1 else "conflicts"
    told = [f'conflict with "{who}": {fields.write_path(path)}' for path, who in conflicts]
    return f"Apply failed with {len(conflicts)} {noun}: " + "\n".join(told)


def list_causes(conflicts: list[tuple[fields.Path, str]]) -> list[Object]:
    return [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{who}"',
            "field": fields.write_path(path),
        }
        for path, who in conflicts
    ]
