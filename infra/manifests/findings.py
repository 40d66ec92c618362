"""Everything that is checked of one cluster's objects, object by object."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from infra.manifests.cluster_policies import check_object
from infra.manifests.objects import Object, Violation, find_pod, name_of
from infra.manifests.pod_policies import check_pod
from infra.manifests.pod_security import check_restricted
from infra.manifests.references import check_references
from infra.manifests.schemas import VERSIONS, check_schema, is_custom
from infra.manifests.secrets_to_make import SecretToMake
from infra.manifests.selectors import check_selectors
from infra.manifests.ways import check_ways
from infra.manifests.world import World


class Findings(NamedTuple):
    """What the checks say of one object.

    Attributes:
        thing: The object.
        schema: What the schemas have against it; None where there is none for its kind.
        pod_security: What "restricted" has against its pods; None if it makes none.
        policies: What we have against it, and what it names or selects in vain.
    """

    thing: Object
    schema: list[Violation] | None
    pod_security: list[Violation] | None
    policies: list[Violation]

    @property
    def violations(self) -> list[Violation]:
        """All of them."""
        return [*(self.schema or ()), *(self.pod_security or ()), *self.policies]


def check_world(
    world: World, secrets: Sequence[SecretToMake], gpu_owners: Collection[str]
) -> Iterator[Findings]:
    """Check all objects of a cluster.

    Args:
        world: The objects.
        secrets: What people make.
        gpu_owners: What must have GPUs, as `name_of`; nothing else may.
    """
    for thing in world.objects:
        if is_custom(thing):
            schema = None
        else:
            schema = [one for version in VERSIONS for one in check_schema(thing, version)]
        if schema:  # what isn't built as its kind can't be looked into
            yield Findings(thing, schema, None, [])
            continue
        pod = find_pod(thing)
        policies = check_object(thing, world) + check_selectors(thing, world)
        policies += check_references(thing, world, secrets) + check_ways(thing, world)
        if pod is not None:
            accounts = world.named("ServiceAccount", pod.namespace)
            policies += check_pod(pod, accounts, gpu_owners)
        restricted = None if pod is None else check_restricted(pod)
        yield Findings(thing, schema, restricted, policies)


def list_missing_gpus(world: World, gpu_owners: Collection[str]) -> list[str]:
    """Return who should have GPUs and isn't there at all."""
    return sorted(set(gpu_owners) - {name_of(thing) for thing in world.objects})
