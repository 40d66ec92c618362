"""Whatever an object names must be there, or be listed as to be made."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from infra.manifests.objects import Object, Pod, Violation, containers_of, find_pod, namespace_of
from infra.manifests.secrets_to_make import SecretToMake
from infra.manifests.world import World

VALUES = {"secretKeyRef": "Secret", "configMapKeyRef": "ConfigMap"}
ALL_VALUES = {"secretRef": "Secret", "configMapRef": "ConfigMap"}
VOLUMES = {
    "secret": "Secret",
    "configMap": "ConfigMap",
    "persistentVolumeClaim": "PersistentVolumeClaim",
}
NAME_KEYS = ("name", "secretName", "claimName")
"""Under which a reference has the name."""


class Reference(NamedTuple):
    """That a pod names a ConfigMap, Secret or claim.

    Attributes:
        field: Where.
        kind: Of what is named.
        name: Of what is named.
        key: Of the value; None for all.
    """

    field: str
    kind: str
    name: str
    key: str | None = None


def check_references(
    thing: Object, world: World, secrets: Sequence[SecretToMake]
) -> list[Violation]:
    """Return what an object names in vain.

    Args:
        thing: Of any kind.
        world: What is there.
        secrets: What people make.
    """
    violations = list(_check_names(thing, world))
    pod = find_pod(thing)
    if pod is None:
        return violations
    account = pod.spec.get("serviceAccountName")
    if account and account not in world.named("ServiceAccount", pod.namespace):
        field = f"{pod.path}spec.serviceAccountName"
        violations.append(Violation(field, f"there is no ServiceAccount {account}"))
    for reference in find_references(pod):
        if not _is_there(reference, pod.namespace, world, secrets):
            wanted = f"{reference.kind} {reference.name}"
            key = f" with the key {reference.key}" if reference.key else ""
            violations.append(Violation(reference.field, f"there is no {wanted}{key}"))
    return violations


def find_references(pod: Pod) -> Iterator[Reference]:
    """Yield what a pod names in variables and volumes, leaving out what it declares optional."""
    for path, container in containers_of(pod):
        for index, variable in enumerate(container.get("env") or ()):
            source = variable.get("valueFrom") or {}
            yield from _find_named(f"{path}.env[{index}].valueFrom", source, VALUES)
        for index, variables in enumerate(container.get("envFrom") or ()):
            yield from _find_named(f"{path}.envFrom[{index}]", variables, ALL_VALUES)
    for index, volume in enumerate(pod.spec.get("volumes") or ()):
        yield from _find_in_volume(f"{pod.path}spec.volumes[{index}]", volume)
    for index, secret in enumerate(pod.spec.get("imagePullSecrets") or ()):
        yield Reference(f"{pod.path}spec.imagePullSecrets[{index}]", "Secret", secret["name"])


def _find_in_volume(path: str, volume: Object) -> Iterator[Reference]:
    for source in (volume, *((volume.get("projected") or {}).get("sources") or ())):
        yield from _find_named(path, source, VOLUMES)


def _find_named(path: str, source: Object, kinds: dict[str, str]) -> Iterator[Reference]:
    for field, kind in kinds.items():
        named = source.get(field)
        if named and not named.get("optional"):
            name = next(named[key] for key in NAME_KEYS if key in named)
            yield Reference(f"{path}.{field}", kind, name, named.get("key"))


def _is_there(
    reference: Reference, namespace: str, world: World, secrets: Sequence[SecretToMake]
) -> bool:
    _, kind, name, key = reference
    if kind == "Secret" and any(one.holds(namespace, name, key) for one in secrets):
        return True
    found = world.named(kind, namespace).get(name)
    if found is None:
        return False
    values = [*(found.get("data") or ()), *(found.get("stringData") or ())]
    return key is None or key in values


def _check_names(thing: Object, world: World) -> Iterator[Violation]:
    """Check what isn't a pod's: an autoscaler's target, a role and who gets it."""
    namespace, kind = namespace_of(thing), thing.get("kind")
    if kind == "HorizontalPodAutoscaler":
        target = thing["spec"]["scaleTargetRef"]
        if target["name"] not in world.named(target["kind"], namespace):
            message = f"there is no {target['kind']} {target['name']}"
            yield Violation("spec.scaleTargetRef", message)
    if kind == "RoleBinding":
        role = thing["roleRef"]
        if role["name"] not in world.named(role["kind"], namespace):
            yield Violation("roleRef", f"there is no {role['kind']} {role['name']}")
        for index, subject in enumerate(thing.get("subjects") or ()):
            accounts = world.named("ServiceAccount", subject.get("namespace", namespace))
            if subject["name"] not in accounts:
                message = f"there is no ServiceAccount {subject['name']}"
                yield Violation(f"subjects[{index}]", message)
