"""A real cluster, named by KUBECONFIG, and a namespace of the tests' own in it.

    KUBECONFIG=~/.kube/config python -m pytest -m cluster tests/cluster

Without KUBECONFIG every test here is skipped. What can be set from outside:

    PERSONA_PLUG_TEST_CONTEXT   context of the kubeconfig; the current one if it isn't set
    PERSONA_PLUG_TEST_IMAGE     any image with `sh` and `sleep` that a node has or can pull, run as
                                uid 10001 with a read-only root; busybox:1.37 if it isn't set
    PERSONA_PLUG_TEST_SECONDS   longest wait for pods; 180 if it isn't set

A test that needs running pods says so in its docstring, carries the mark `needs_pods` and is
skipped where no node is ready. The namespace enforces Pod Security `restricted` and is removed.
"""

import os
import secrets
import time

import pytest
from kubernetes import client, config

from components.deployment.cluster import Cluster

IMAGE = os.environ.get("PERSONA_PLUG_TEST_IMAGE", "busybox:1.37")
SECONDS = float(os.environ.get("PERSONA_PLUG_TEST_SECONDS", "180"))
CONTEXT = os.environ.get("PERSONA_PLUG_TEST_CONTEXT")
LEVELS = ("enforce", "warn", "audit")


@pytest.fixture(scope="session")
def api():
    """A client of the cluster."""
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("KUBECONFIG names no cluster")
    api = config.new_client_from_config(os.environ["KUBECONFIG"], context=CONTEXT)
    client.VersionApi(api).get_code()  # KUBECONFIG names a cluster: one that is down is no skip
    return api


@pytest.fixture(scope="session")
def has_pods(api):
    """Whether pods can run."""
    nodes = client.CoreV1Api(api).list_node().items
    conditions = [one for node in nodes for one in node.status.conditions or ()]
    return any((one.type, one.status) == ("Ready", "True") for one in conditions)


@pytest.fixture(autouse=True)
def skip_without_pods(request, has_pods):
    if request.node.get_closest_marker("needs_pods") and not has_pods:
        pytest.skip("needs running pods, and no node is ready")


@pytest.fixture
def cluster(api):
    """A namespace of this test's own, removed afterwards."""
    core, name = client.CoreV1Api(api), f"persona-plug-test-{secrets.token_hex(4)}"
    labels = {f"pod-security.kubernetes.io/{level}": "restricted" for level in LEVELS}
    core.create_namespace({"metadata": {"name": name, "labels": labels}})
    try:
        wait_for_account(core, name)
        yield Cluster(api.configuration, name)
    finally:
        core.delete_namespace(name)


def wait_for_account(core, namespace):
    """Wait for the service account `default`: without it no pod is admitted.

    An API server by itself, without controllers, never makes one; then no pods are made either.
    """
    ends = time.monotonic() + 10
    while time.monotonic() < ends:
        if core.list_namespaced_service_account(namespace).items:
            return
        time.sleep(0.2)


@pytest.fixture
def eventually():
    """Wait until something is so, and return it."""

    def wait(find, what):
        ends = time.monotonic() + SECONDS
        while not (found := find()):
            assert time.monotonic() < ends, f"after {SECONDS:g} s: {what}"
            time.sleep(0.5)
        return found

    return wait
