"""Whatever selects pods must find some: Services, NetworkPolicies, PodDisruptionBudgets."""

from collections.abc import Callable, Iterator

from infra.manifests.objects import Object, Pod, Violation, namespace_of, split_selector
from infra.manifests.peers import namespaces_of_peer, pods_in, pods_of_peer
from infra.manifests.world import World

Port = str | int


def check_selectors(thing: Object, world: World) -> list[Violation]:
    """Return what an object selects in vain.

    Args:
        thing: Of any kind.
        world: With it, and with the pods.
    """
    check = CHECKS.get(thing.get("kind", ""))
    return list(check(thing, world)) if check else []


def _check_service(service: Object, world: World) -> Iterator[Violation]:
    labels = service["spec"].get("selector")
    if not labels:
        return
    pods = pods_in(namespace_of(service), {"matchLabels": labels}, world)
    if not pods:
        yield Violation("spec.selector", f"no pod has the labels {labels}")
    for index, port in enumerate(service["spec"].get("ports") or ()):
        target = port.get("targetPort", port["port"])
        if pods and not any(target in pod.ports() for pod in pods):
            message = f"no container of the selected pods has the port {target!r}"
            yield Violation(f"spec.ports[{index}].targetPort", message)


def _check_budget(budget: Object, world: World) -> Iterator[Violation]:
    selector = budget["spec"].get("selector")
    if not pods_in(namespace_of(budget), selector, world):
        yield Violation("spec.selector", "selects no pod")


def _check_network_policy(policy: Object, world: World) -> Iterator[Violation]:
    namespace, spec = namespace_of(policy), policy["spec"]
    selector = spec.get("podSelector") or {}
    own = pods_in(namespace, selector, world)
    if selector:
        yield from _find_unmatched("spec.podSelector", namespace, selector, world)
    if not spec.get("policyTypes"):
        yield Violation("spec.policyTypes", "is missing: what it denies must be said")
    for index, rule in enumerate(spec.get("ingress") or ()):
        path = f"spec.ingress[{index}]"
        yield from _check_ports(f"{path}.ports", rule, own)
        for at, peer in enumerate(rule.get("from") or ()):
            yield from _check_peer(f"{path}.from[{at}]", namespace, peer, world)
    for index, rule in enumerate(spec.get("egress") or ()):
        path = f"spec.egress[{index}]"
        for at, peer in enumerate(rule.get("to") or ()):
            yield from _check_peer(f"{path}.to[{at}]", namespace, peer, world)
            yield from _check_ports(f"{path}.ports", rule, pods_of_peer(namespace, peer, world))


def _check_peer(path: str, namespace: str, peer: Object, world: World) -> Iterator[Violation]:
    """A peer in namespaces that nobody here makes (an ingress controller's) can't be checked."""
    if "podSelector" not in peer:
        return
    for name in namespaces_of_peer(namespace, peer, world):
        yield from _find_unmatched(f"{path}.podSelector", name, peer["podSelector"], world)
    labels = (peer.get("namespaceSelector") or {}).get("matchLabels") or {}
    wanted = labels.get("kubernetes.io/metadata.name")
    if wanted is not None and wanted not in world.namespaces:
        yield Violation(f"{path}.namespaceSelector", f"there is no namespace {wanted}")


def _find_unmatched(
    path: str, namespace: str, selector: Object, world: World
) -> Iterator[Violation]:
    for part in split_selector(selector):
        if not pods_in(namespace, part, world):
            wanted = part.get("matchLabels") or part
            yield Violation(path, f"no pod of the namespace {namespace} has {wanted}")


def _check_ports(path: str, rule: Object, pods: list[Pod]) -> Iterator[Violation]:
    for index, port in enumerate(rule.get("ports") or ()):
        number = port.get("port")
        listening = [pod for pod in pods if pod.ports()]
        if listening and not any(number in pod.ports() for pod in listening):
            yield Violation(f"{path}[{index}].port", f"no selected pod listens on {number!r}")


CHECKS: dict[str, Callable[[Object, World], Iterator[Violation]]] = {
    "NetworkPolicy": _check_network_policy,
    "PodDisruptionBudget": _check_budget,
    "Service": _check_service,
}
