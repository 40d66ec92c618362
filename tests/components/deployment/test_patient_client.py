"""An API server that is busy, restarts, hangs or loses an answer; played by the double."""

import time

import pytest
from urllib3.exceptions import HTTPError

from components.deployment import patient_client
from components.deployment.cluster import Cluster
from components.deployment.deploy import DeployError
from components.deployment.lease import Lease
from tests.cluster.double.api import ApiDouble

NOTE = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}}


@pytest.fixture
def double():
    with ApiDouble() as double:
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
        double.store.update(space, "", "me")
        yield double


@pytest.fixture
def cluster(double, tmp_path, monkeypatch):
    place = "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION"
    monkeypatch.setattr(place, str(double.write_kubeconfig(tmp_path / "kubeconfig")))
    monkeypatch.setattr(patient_client, "PAUSE_SECONDS", 0.05)
    cluster = Cluster.connect(None, "n")
    cluster.apply(NOTE)  # now it knows the kind, and each further call is one request
    return cluster


def test_what_is_not_answered_is_asked_again(double, cluster):
    cluster.insist(10)
    double.troubles = ["busy", "drop", "busy"]
    assert cluster.find(NOTE)["metadata"]["name"] == "a"
    double.troubles = ["lose"]
    cluster.delete(NOTE)
    assert cluster.find(NOTE) is None
    assert double.troubles == []


def test_it_is_asked_no_longer_than_was_said(double, cluster):
    double.troubles = ["busy"]
    with pytest.raises(DeployError, match="ConfigMap/a: HTTP 503: the server is starting"):
        cluster.find(NOTE)  # who was not told to insist asks once
    double.troubles = ["drop"] * 1000
    cluster.insist(0.5)
    started = time.monotonic()
    with pytest.raises(HTTPError):
        cluster.list_pods("a=b")
    assert time.monotonic() - started < 1
    assert len(double.troubles) < 998


def test_a_refusal_is_final(double, cluster):
    cluster.insist(10)
    before = cluster.find(NOTE)
    cluster.apply({**NOTE, "data": {"a": "1"}})
    with pytest.raises(DeployError, match="HTTP 409"):
        cluster.replace(before)


def test_a_server_that_hangs_is_not_waited_for(double, cluster, monkeypatch):
    monkeypatch.setattr(patient_client, "REQUEST_SECONDS", 0.2)
    double.troubles = ["hang"]
    started = time.monotonic()
    with pytest.raises(HTTPError, match="timed out"):
        cluster.find(NOTE)
    assert time.monotonic() - started < 1


def test_who_has_little_time_left_waits_hardly_longer(double, cluster, monkeypatch):
    monkeypatch.setattr(patient_client, "LEAST_SECONDS", 0.5)
    cluster.insist(0.3)
    double.troubles = ["hang"]
    started = time.monotonic()
    with pytest.raises(HTTPError, match="timed out"):
        cluster.find(NOTE)
    assert time.monotonic() - started < 1


def test_a_lease_whose_answer_got_lost_is_held(double, cluster):
    cluster.insist(10)
    lease = Lease(cluster, "a", "anna", 60)
    cluster.find({**NOTE, "apiVersion": "coordination.k8s.io/v1", "kind": "Lease"})
    double.troubles = ["", "lose"]
    with lease.hold():
        double.troubles = ["", "lose"]
        lease.renew()
        double.troubles = ["", "lose"]
    with Lease(cluster, "a", "bert", 60).hold():  # it was given back
        assert double.troubles == []


def test_who_has_no_time_left_still_learns_what_is_so(double, cluster):
    cluster.insist(0.001)
    assert cluster.find(NOTE)["metadata"]["name"] == "a"
