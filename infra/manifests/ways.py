"""A way between two pods is open if both ends let it: egress of the one, ingress of the other."""

from collections.abc import Iterator
from typing import NamedTuple

from infra.manifests.objects import Object, Pod, Violation, name_of, namespace_of, select
from infra.manifests.peers import pods_in, pods_of_peer
from infra.manifests.world import World


class Direction(NamedTuple):
    """What a NetworkPolicy calls one end.

    Attributes:
        kind: In `policyTypes`.
        rules: The field of its rules.
        peers: The field of a rule's peers.
    """

    kind: str
    rules: str
    peers: str


INGRESS = Direction("Ingress", "ingress", "from")
EGRESS = Direction("Egress", "egress", "to")


def check_ways(thing: Object, world: World) -> list[Violation]:
    """Return the ways of a NetworkPolicy that the other end's policies don't let.

    Args:
        thing: Of any kind.
        world: With all policies and pods.
    """
    if thing.get("kind") != "NetworkPolicy":
        return []
    ways = ((INGRESS, EGRESS), (EGRESS, INGRESS))
    return [one for own, other in ways for one in _check_direction(thing, own, other, world)]


def _check_direction(
    policy: Object, own: Direction, other: Direction, world: World
) -> Iterator[Violation]:
    namespace, spec = namespace_of(policy), policy["spec"]
    subjects = pods_in(namespace, spec.get("podSelector"), world)
    for index, rule in enumerate(spec.get(own.rules) or ()):
        path = f"spec.{own.rules}[{index}]"
        peers = [
            pod
            for peer in rule.get(own.peers) or ()
            for pod in pods_of_peer(namespace, peer, world)
        ]
        ports = [port.get("port") for port in rule.get("ports") or ()] or [None]
        closed = {
            f"{name_of(peer.owner)} has no {other.kind} for {name_of(subject.owner)}, port {port}"
            for peer in peers
            for subject in subjects
            for port in ports
            if not _is_open(other, peer, subject, port, world)
        }
        for message in sorted(closed):
            yield Violation(path, message)


def _is_open(
    direction: Direction, pod: Pod, peer: Pod, port: str | int | None, world: World
) -> bool:
    """Tell whether a pod's policies let a peer; without any of this direction all is open."""
    policies = [
        policy
        for policy in world.of_kind("NetworkPolicy", pod.namespace)
        if direction.kind in (policy["spec"].get("policyTypes") or ())
        and select(policy["spec"].get("podSelector"), pod.labels)
    ]
    rules = [rule for policy in policies for rule in policy["spec"].get(direction.rules) or ()]
    return not policies or any(_lets(direction, rule, pod, peer, port, world) for rule in rules)


def _lets(
    direction: Direction, rule: Object, pod: Pod, peer: Pod, port: str | int | None, world: World
) -> bool:
    ports = [one.get("port") for one in rule.get("ports") or ()]
    peers = rule.get(direction.peers)
    return (not ports or port in ports) and (
        not peers or any(peer in pods_of_peer(pod.namespace, one, world) for one in peers)
    )
