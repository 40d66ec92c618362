"""The right to deploy to a cluster: a Lease, as Kubernetes' own controllers hold them.

It is taken, renewed and given back by updates of the version that was read, so of two who try at
once one is refused. Who is killed gives nothing back: what he held expires.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from secrets import token_hex

from components.deployment.cluster import Cluster
from components.deployment.deploy import DeployError
from components.deployment.manifests import Object, name_of

logger = logging.getLogger(__name__)

GIVE_BACK_SECONDS = 3
"""Longest wait for an API server that doesn't answer: without it a Lease expires too."""


class Lease:
    """One deployment's right.

    Args:
        cluster: Where.
        name: Of the Lease.
        holder: Who asks for it, in words.
        duration_seconds: How long it is held when it isn't renewed.
    """

    def __init__(self, cluster: Cluster, name: str, holder: str, duration_seconds: int) -> None:
        self._cluster, self._duration = cluster, duration_seconds
        self._holder = f"{holder} [{token_hex(4)}]"  # a person may deploy twice at once
        self._empty: Object = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": name,
                "namespace": cluster.namespace,
                "labels": {"app.kubernetes.io/part-of": "persona-plug"},
            },
            "spec": {},
        }

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold it for the block.

        Raises:
            DeployError: If somebody else holds it; says who, since when, and what can be done.
        """
        try:
            self._take()
            yield
        finally:
            self._give_back()

    def renew(self) -> None:
        """Hold it for the whole duration from now on.

        Raises:
            DeployError: If it was lost.
        """
        found = self._cluster.find(self._empty)
        if found is None or not self._is_ours(found):
            by = read_spec(found or {}).get("holderIdentity", "nobody")
            raise DeployError(f"{name_of(self._empty)} was lost, and is held by {by} now")
        self._write(self._cluster.replace, change(found, renewTime=tell_micro_time()))

    def _take(self) -> None:
        now, found = tell_micro_time(), self._cluster.find(self._empty)
        if found is not None and (ends := find_end(found)) > datetime.now(UTC):
            raise DeployError(self._tell_held(found, ends))
        taken = {
            "holderIdentity": self._holder,
            "leaseDurationSeconds": self._duration,
            "acquireTime": now,
            "renewTime": now,
        }
        if found is None:
            self._write(self._cluster.create, change(self._empty, **taken, leaseTransitions=0))
        else:
            number = read_spec(found).get("leaseTransitions", 0) + 1
            self._write(self._cluster.replace, change(found, **taken, leaseTransitions=number))

    def _write(self, write: Callable[[Object], Object], lease: Object) -> None:
        """Write the Lease; a refused one may be there: asked twice, its first answer was lost."""
        try:
            write(lease)
        except DeployError:
            if read_spec(self._cluster.find(self._empty) or {}) != read_spec(lease):
                raise

    def _give_back(self) -> None:
        self._cluster.insist(GIVE_BACK_SECONDS)
        try:
            found = self._cluster.find(self._empty)
            if found is not None and self._is_ours(found):
                number = read_spec(found).get("leaseTransitions", 0)
                empty = {**found, "spec": {"leaseTransitions": number}}
                self._write(self._cluster.replace, empty)
        except Exception:  # what became of the deployment is told all the same
            logger.exception("%s could not be given back, and will expire", name_of(self._empty))

    def _is_ours(self, found: Object) -> bool:
        return bool(read_spec(found).get("holderIdentity") == self._holder)

    def _tell_held(self, found: Object, ends: datetime) -> str:
        spec, name = read_spec(found), found["metadata"]["name"]
        return (
            f"another deployment is under way: {name_of(found)} is held by "
            f"{spec['holderIdentity']} since {spec.get('acquireTime')}, until {ends:%H:%M:%S} UTC "
            "if it isn't renewed. If that one is surely dead: "
            f"kubectl -n {self._cluster.namespace} delete lease {name}"
        )


def read_spec(found: Object) -> Object:
    """Return what a Lease says; somebody may have emptied it."""
    return found.get("spec") or {}


def find_end(found: Object) -> datetime:
    """Return until when a Lease is held; long ago if by nobody, or without a term."""
    spec = read_spec(found)
    if not all(spec.get(name) for name in ("holderIdentity", "renewTime", "leaseDurationSeconds")):
        return datetime.min.replace(tzinfo=UTC)
    renewed = datetime.fromisoformat(spec["renewTime"])
    return renewed + timedelta(seconds=spec["leaseDurationSeconds"])


def change(thing: Object, **spec: object) -> Object:
    """Return a Lease with some of its fields changed."""
    return {**thing, "spec": {**read_spec(thing), **spec}}


def tell_micro_time() -> str:
    """Return the time as Kubernetes' MicroTime, which must have six decimals."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
