"""Which pods a NetworkPolicy's selectors and peers mean."""

from typing import Any

from infra.manifests.objects import Object, Pod, select
from infra.manifests.world import World


def pods_in(namespace: str, selector: Object | None, world: World) -> list[Pod]:
    """Return the pods of a namespace that a selector takes."""
    return [
        pod for pod in world.pods if pod.namespace == namespace and select(selector, pod.labels)
    ]


def pods_of_peer(namespace: str, peer: Object, world: World) -> list[Pod]:
    """Return the pods that a peer means; an address means none.

    Args:
        namespace: Of the policy.
        peer: Of one of its rules.
        world: With the pods.
    """
    if "ipBlock" in peer:
        return []
    return [
        pod
        for name in namespaces_of_peer(namespace, peer, world)
        for pod in pods_in(name, peer.get("podSelector"), world)
    ]


def namespaces_of_peer(namespace: str, peer: Object, world: World) -> list[str]:
    """Return the namespaces that a peer means."""
    if "namespaceSelector" not in peer:
        return [namespace]
    wanted: Any = peer["namespaceSelector"]
    return [name for name, labels in world.namespaces.items() if select(wanted, labels)]
