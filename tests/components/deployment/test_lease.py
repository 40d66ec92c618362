"""Who may deploy to a cluster, and who has to wait; against the double of an API server."""

from threading import Barrier, Thread

import pytest

from components.deployment.cluster import Cluster
from components.deployment.deploy import DeployError
from components.deployment.lease import Lease, find_end
from tests.cluster.double.api import ApiDouble

NAME = "tried"


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    with ApiDouble() as double:
        place = "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION"
        monkeypatch.setattr(place, str(double.write_kubeconfig(tmp_path / "kubeconfig")))
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
        double.store.update(space, "", "me")
        yield Cluster.connect(None, "n")


def read_spec(cluster):
    metadata = {"name": NAME}
    kind = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
    return cluster.find({**kind, "metadata": metadata})["spec"]


def test_it_is_held_by_one_and_given_back(cluster):
    with Lease(cluster, NAME, "anna, run 1", 60).hold():
        assert read_spec(cluster)["holderIdentity"].startswith("anna, run 1 [")
        told = (
            r"Lease/tried is held by anna, run 1 \[.*\] since 20.*Z, until .* UTC if it isn't "
            r"renewed. .*: kubectl -n n delete lease tried"
        )
        for who in ("bert", "anna, run 1"):
            with pytest.raises(DeployError, match=told), Lease(cluster, NAME, who, 60).hold():
                pass
    with Lease(cluster, NAME, "bert", 60).hold():
        spec = read_spec(cluster)
        assert spec["holderIdentity"].startswith("bert [")
        assert (spec["leaseDurationSeconds"], spec["leaseTransitions"]) == (60, 1)


def test_who_is_interrupted_gives_it_back(cluster):
    with pytest.raises(KeyboardInterrupt), Lease(cluster, NAME, "anna", 60).hold():
        raise KeyboardInterrupt
    assert read_spec(cluster) == {"leaseTransitions": 0}


def test_an_expired_one_is_taken_over_and_its_holder_told(cluster):
    late = Lease(cluster, NAME, "anna", 1)
    with late.hold():
        late.renew()
        before = read_spec(cluster)
        expire(cluster)
        with Lease(cluster, NAME, "bert", 60).hold():
            with pytest.raises(DeployError, match="Lease/tried was lost, and is held by bert"):
                late.renew()
            assert read_spec(cluster)["acquireTime"] > before["acquireTime"]
    with pytest.raises(DeployError, match="held by nobody now"):
        late.renew()


def expire(cluster):
    kind = cluster._dynamic.resources.get(api_version="coordination.k8s.io/v1", kind="Lease")
    found = kind.get(name=NAME, namespace="n").to_dict()
    found["spec"]["renewTime"] = "2026-01-01T00:00:00.000000Z"
    kind.replace(body=found, namespace="n")


@pytest.mark.parametrize("is_there", [False, True])
def test_of_two_who_try_at_once_one_wins(cluster, monkeypatch, is_there):
    if is_there:
        with Lease(cluster, NAME, "somebody", 60).hold():
            pass
    both_have_read, find, reads, ends = Barrier(2), cluster.find, [], []

    def find_together(thing):
        found = find(thing)
        reads.append(found)
        if len(reads) <= 2:  # who lost looks once more
            both_have_read.wait(10)
        return found

    def take(lease):
        try:
            lease._take()
            ends.append("won")
        except DeployError as err:
            ends.append(str(err))

    monkeypatch.setattr(cluster, "find", find_together)
    threads = [Thread(target=take, args=[Lease(cluster, NAME, who, 60)]) for who in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lost, won = sorted(ends)
    assert won == "won"
    assert lost.startswith("Lease/tried: HTTP 409: ")


def test_a_lease_without_a_holder_is_nobodys(cluster):
    assert find_end({}) == find_end({"spec": {"renewTime": "2999-01-01T00:00:00.000000Z"}})
