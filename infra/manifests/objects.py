"""Kubernetes objects as plain dicts: their names, the pods that they make, labels and selectors."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from components.deployment.manifests import Object as Object
from components.deployment.manifests import name_of as name_of

POD_TEMPLATES = {
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Deployment": ("spec", "template"),
    "Job": ("spec", "template"),
    "Pod": (),
    "PodTemplate": ("template",),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
}
"""Where a kind has what its pods are made of."""
CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")
DEFAULT_NAMESPACE = "default"


class Violation(NamedTuple):
    """What is wrong with an object.

    Attributes:
        field: Its path in the object, as `spec.template.spec.containers[0].image`.
        message: What is there and what is allowed.
    """

    field: str
    message: str


class Pod(NamedTuple):
    """What an object's pods are made of.

    Attributes:
        owner: The object.
        path: Of the pod's template in it, with a dot behind; empty for a Pod.
        metadata: Of the pod.
        spec: Of the pod.
    """

    owner: Object
    path: str
    metadata: Object
    spec: Object

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        return self.metadata.get("labels") or {}

    @property
    def namespace(self) -> str:
        """Where it runs."""
        return namespace_of(self.owner)

    def ports(self) -> dict[str | int, int]:
        """Return its containers' ports, by number and by name."""
        found: dict[str | int, int] = {}
        for _, container in containers_of(self):
            for port in container.get("ports") or ():
                number = port["containerPort"]
                found[number] = number
                if name := port.get("name"):
                    found[name] = number
        return found


def namespace_of(thing: Object) -> str:
    """Return an object's namespace."""
    return str((thing.get("metadata") or {}).get("namespace") or DEFAULT_NAMESPACE)


def find_pod(thing: Object) -> Pod | None:
    """Return what an object's pods are made of; None if it makes none."""
    if thing.get("kind") not in POD_TEMPLATES:
        return None
    keys = POD_TEMPLATES[thing["kind"]]
    template = thing
    for key in keys:
        template = template.get(key) or {}
    path = "".join(f"{key}." for key in keys)
    return Pod(thing, path, template.get("metadata") or {}, template.get("spec") or {})


def containers_of(pod: Pod) -> Iterator[tuple[str, Object]]:
    """Yield path and content of all containers of a pod, init and ephemeral ones too."""
    for kind in CONTAINER_LISTS:
        for index, container in enumerate(pod.spec.get(kind) or ()):
            yield f"{pod.path}spec.{kind}[{index}]", container


def select(selector: Object | None, labels: Mapping[str, str]) -> bool:
    """Tell whether a label selector takes something with these labels; an empty one takes all.

    Raises:
        ValueError: If an operator is unknown.
    """
    selector = selector or {}
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    return all(_holds(one, labels) for one in selector.get("matchExpressions") or ())


def _holds(expression: Object, labels: Mapping[str, str]) -> bool:
    operator, key = expression["operator"], expression["key"]
    if operator == "In":
        return labels.get(key) in expression["values"]
    if operator == "NotIn":
        return labels.get(key) not in expression["values"]
    if operator in ("Exists", "DoesNotExist"):
        return (key in labels) == (operator == "Exists")
    raise ValueError(f"operator {operator!r}: expected In, NotIn, Exists or DoesNotExist")


def split_selector(selector: Object | None) -> list[Object]:
    """Return one selector for each value that an `In` lists, so that each is looked for."""
    selector = selector or {}
    expressions = selector.get("matchExpressions") or []
    lists = [one for one in expressions if one["operator"] == "In"]
    if not lists:
        return [selector]
    first, rest = lists[0], [one for one in expressions if one is not lists[0]]
    return [
        split
        for value in first["values"]
        for split in split_selector(
            {
                "matchLabels": {**(selector.get("matchLabels") or {}), first["key"]: value},
                "matchExpressions": rest,
            }
        )
    ]
