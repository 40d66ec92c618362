"""What we ask of objects that make no pods: namespaces, rights, and what ConfigMaps hold."""

from collections.abc import Callable, Iterator

from infra.manifests.objects import Object, Violation, namespace_of
from infra.manifests.pod_policies import looks_secret
from infra.manifests.world import World

ENFORCE = "pod-security.kubernetes.io/enforce"
CLUSTER_WIDE = ("ClusterRole", "ClusterRoleBinding")
ESCALATING = ("secrets", "serviceaccounts/token", "pods/exec", "roles", "rolebindings")
"""Resources with a right to which one could take what others hold."""


def check_object(thing: Object, world: World) -> list[Violation]:
    """Return what our policies have against an object that is no pod.

    Args:
        thing: Of any kind.
        world: With it.
    """
    violations = list(_check_namespace_of(thing, world))
    check = CHECKS.get(thing.get("kind", ""))
    if check:
        violations += check(thing, world)
    return violations


def _check_namespace_of(thing: Object, world: World) -> Iterator[Violation]:
    if thing.get("kind") in CLUSTER_WIDE:
        yield Violation("kind", "rights must be of one namespace: Role and RoleBinding")
    elif thing.get("kind") != "Namespace" and namespace_of(thing) not in world.namespaces:
        yield Violation("metadata.namespace", f"there is no namespace {namespace_of(thing)}")


def _check_namespace(namespace: Object, world: World) -> Iterator[Violation]:
    labels = namespace["metadata"].get("labels") or {}
    if labels.get(ENFORCE) != "restricted":
        yield Violation(f"metadata.labels.{ENFORCE}", "must be restricted")
    policies = world.of_kind("NetworkPolicy", namespace["metadata"]["name"])
    if not any(_denies_all(policy["spec"]) for policy in policies):
        yield Violation("metadata.name", "has no NetworkPolicy that denies everything")


def _denies_all(spec: Object) -> bool:
    is_for_all = not spec.get("podSelector")
    is_for_all &= set(spec.get("policyTypes") or ()) == {"Ingress", "Egress"}
    return is_for_all and not spec.get("ingress") and not spec.get("egress")


def _check_role(role: Object, world: World) -> Iterator[Violation]:
    for index, rule in enumerate(role.get("rules") or ()):
        for key in ("apiGroups", "resources", "verbs"):
            if "*" in (rule.get(key) or ()):
                yield Violation(f"rules[{index}].{key}", "must name what is needed, not *")
        for resource in rule.get("resources") or ():
            if resource in ESCALATING:
                yield Violation(f"rules[{index}].resources", f"must not hold {resource}")


def _check_config_map(config: Object, world: World) -> Iterator[Violation]:
    for key, value in (config.get("data") or {}).items():
        if looks_secret(key, value):
            yield Violation(f"data.{key}", "must be in a Secret")


def _check_secret(secret: Object, world: World) -> Iterator[Violation]:
    yield Violation("kind", "no Secret may stand in a manifest: list it in secrets.yaml")


CHECKS: dict[str, Callable[[Object, World], Iterator[Violation]]] = {
    "ConfigMap": _check_config_map,
    "Namespace": _check_namespace,
    "Role": _check_role,
    "Secret": _check_secret,
}
