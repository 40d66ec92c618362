"""All that will be in a cluster together: what refers to each other must be found here."""

from collections.abc import Sequence
from functools import cached_property

from infra.manifests.objects import Object, Pod, find_pod, namespace_of


class World:
    """Objects that are applied to one cluster.

    Args:
        objects: All of them.
        pods_elsewhere: Pods that others bring, as namespace and labels: the cluster's DNS, what a
            chart makes.
    """

    def __init__(
        self,
        objects: Sequence[Object],
        pods_elsewhere: Sequence[tuple[str, dict[str, str]]] = (),
    ) -> None:
        self.objects = list(objects)
        self.pods_elsewhere = list(pods_elsewhere)

    @cached_property
    def pods(self) -> list[Pod]:
        """What makes pods, and those that others bring."""
        brought = [
            {"kind": "Pod", "metadata": {"name": "*", "namespace": namespace, "labels": labels}}
            for namespace, labels in self.pods_elsewhere
        ]
        return [pod for pod in map(find_pod, [*self.objects, *brought]) if pod is not None]

    @cached_property
    def namespaces(self) -> dict[str, dict[str, str]]:
        """The labels of all namespaces, by name; those that others bring have their name alone."""
        found: dict[str, dict[str, str]] = {namespace: {} for namespace, _ in self.pods_elsewhere}
        for one in self.of_kind("Namespace"):
            found[one["metadata"]["name"]] = one["metadata"].get("labels") or {}
        named = "kubernetes.io/metadata.name"  # which the API server sets
        return {name: {**labels, named: name} for name, labels in found.items()}

    def of_kind(self, kind: str, namespace: str | None = None) -> list[Object]:
        """Return the objects of a kind, in a namespace or in all."""
        return [
            one
            for one in self.objects
            if one.get("kind") == kind and namespace in (None, namespace_of(one))
        ]

    def named(self, kind: str, namespace: str) -> dict[str, Object]:
        """Return the objects of a kind in a namespace, by name."""
        return {one["metadata"]["name"]: one for one in self.of_kind(kind, namespace)}
