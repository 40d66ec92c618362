"""Deploying on a real cluster. Each test says whether it needs running pods.

The schedule's tests are beside these; the same code is tested without a cluster, against the
double, in tests/components/deployment.
"""

import re
import shutil

import pytest

from components.deployment.batch_job import make_batch_job
from components.deployment.cluster import Cluster
from components.deployment.config import DeployConfig
from components.deployment.deploy import DeployError, deploy
from components.deployment.kubernetes_target import (
    LAST_GOOD,
    KubernetesTarget,
    note_release,
    read_note,
    write_diff,
)
from components.deployment.lease import Lease
from components.deployment.manifests import name_of, render
from components.deployment.record import ModelVersion
from components.deployment.release import BATCH, make_release
from components.deployment.rollout import list_new_pods, wait_for_rollout
from infra.manifests.render import KUBERNETES
from tests.cluster.conftest import IMAGE, SECONDS
from tests.cluster.objects import NAME, make_deployment, make_indexed_job, make_pod_spec
from tests.components.deployment.conftest import RECIPE, make_exam

pytestmark = pytest.mark.cluster
MODEL = ModelVersion(name="persona-plug-LaMP_2", version="7", bundle_hash="abc")
RUNS = "sleep 3600"
CRASHES = "echo no champion here; exit 1"
needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")


def make_config(value):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "tried"},
        "data": {"a": value, "b": "same"},
    }


def render_for(cluster, overlay, spaces=("persona-plug",)):
    """Return the objects of an overlay's namespaces, for the test's own."""
    rendered = render(KUBERNETES / "overlays" / overlay)
    ours = [one for one in rendered if one["metadata"].get("namespace") in spaces]
    for one in ours:
        one["metadata"]["namespace"] = cluster.namespace
    return ours


def edit(cluster, thing, change, manager="kubectl-edit"):
    """Change a live object as a person does it."""
    api = cluster._dynamic
    kind = api.resources.get(api_version=thing["apiVersion"], kind=thing["kind"])
    api.patch(
        kind,
        body=change,
        name=thing["metadata"]["name"],
        namespace=cluster.namespace,
        content_type="application/merge-patch+json",
        field_manager=manager,
    )


def test_an_object_is_applied_and_what_is_left_out_later_is_removed(cluster: Cluster):
    """Needs no pods."""
    made = cluster.apply(make_config("1"))
    assert made["data"] == {"a": "1", "b": "same"}
    [owner] = made["metadata"]["managedFields"]
    assert (owner["manager"], owner["operation"]) == ("persona-plug", "Apply")
    smaller = make_config("2")
    del smaller["data"]["b"]
    assert cluster.apply(smaller)["data"] == {"a": "2"}


def test_a_second_apply_changes_nothing(cluster: Cluster, eventually):
    """Needs no pods; but where controllers write a status, their writing has an end."""
    for thing in (make_config("1"), make_deployment(cluster.namespace, "one", RUNS)):
        first = cluster.apply(thing)

        def apply_twice(thing=thing):
            applied = [cluster.apply(thing)["metadata"] for _ in range(2)]
            return applied[-1] if applied[0] == applied[1] else None

        last = eventually(apply_twice, f"each apply of {name_of(thing)} makes another version")
        assert last.get("generation") == first["metadata"].get("generation")


def test_a_dry_run_tells_the_difference_and_stores_nothing(cluster: Cluster):
    """Needs no pods."""
    live = cluster.apply(make_config("1"))
    then = cluster.apply(make_config("2"), dry_run=True)
    diff = write_diff("ConfigMap/tried", live, then)
    assert [line for line in diff.splitlines() if line[0] in "+-"][2:] == ["-  a: '1'", "+  a: '2'"]
    assert cluster.find(make_config("1"))["data"]["a"] == "1"


def test_a_persons_edit_is_a_conflict_that_names_field_and_manager(cluster: Cluster):
    """Needs no pods."""
    deployment = make_deployment(cluster.namespace, "one", RUNS)
    cluster.apply(deployment)
    edit(cluster, deployment, {"spec": {"progressDeadlineSeconds": 300}})
    deployment["spec"]["progressDeadlineSeconds"] = 60
    with pytest.raises(DeployError, match=r"\.spec\.progressDeadlineSeconds.*kubectl-edit"):
        cluster.apply(deployment)
    assert cluster.find(deployment)["spec"]["progressDeadlineSeconds"] == 300
    assert cluster.apply(deployment, force=True)["spec"]["progressDeadlineSeconds"] == 60


def test_a_persons_edit_of_a_field_that_is_nobodys_stays(cluster: Cluster):
    """Needs no pods."""
    deployment = make_deployment(cluster.namespace, "one", RUNS)
    cluster.apply(deployment)
    edit(cluster, deployment, {"metadata": {"annotations": {"team": "a"}}})
    assert cluster.apply(deployment)["metadata"]["annotations"]["team"] == "a"


def test_pod_security_refuses_a_container_that_breaks_it(cluster: Cluster):
    """Needs no pods: the API server's admission refuses the pod before there is one."""
    spec = make_pod_spec(RUNS)
    spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "breaks"}, "spec": spec}
    with pytest.raises(DeployError, match=r'HTTP 403: .*violates PodSecurity "restricted'):
        cluster.apply(pod)
    assert cluster.find(pod) is None


def test_one_deployment_at_a_time_holds_the_lease(cluster: Cluster):
    """Needs no pods."""
    first, second = (Lease(cluster, LAST_GOOD, who, 60) for who in ("anna", "bert"))
    with first.hold():
        with pytest.raises(DeployError, match=r"is held by anna \[.*\] since 20"), second.hold():
            pass
        lease = first._empty
        stale = cluster.find(lease)
        first.renew()
        with pytest.raises(DeployError, match=r"HTTP 409: .*modified"):
            cluster.replace(stale)
        with pytest.raises(DeployError, match=r"HTTP 409: .*already exists"):
            cluster.create(lease)
        edit(cluster, lease, {"spec": {"renewTime": "2026-01-01T00:00:00.000000Z"}})
        with second.hold():
            spec = cluster.find(lease)["spec"]
            assert spec["holderIdentity"].startswith("bert [")
            assert spec["leaseTransitions"] == 1
            with pytest.raises(DeployError, match="was lost, and is held by bert"):
                first.renew()
    assert "holderIdentity" not in cluster.find(lease)["spec"]


@needs_kubectl
@pytest.mark.parametrize("overlay", ["kind", "gpu"])
def test_all_manifests_are_accepted(cluster: Cluster, overlay: str):
    """Needs no pods: a dry run of every namespaced object, which the API server checks whole."""
    for thing in render_for(cluster, overlay, ("persona-plug", "zenml")):
        applied = cluster.apply(thing, dry_run=True)
        assert applied["kind"] == thing["kind"]


@needs_kubectl
def test_the_network_policies_are_there_and_deny_by_default(cluster: Cluster):
    """Needs no pods: that the objects are there, not that a network plug-in enforces them."""
    policies = [one for one in render_for(cluster, "kind") if one["kind"] == "NetworkPolicy"]
    for policy in policies:
        cluster.apply(policy)
    live = {one["metadata"]["name"]: cluster.find(one) for one in policies}
    assert {"default-deny", "all-to-dns", "clients-to-gateway"} <= live.keys()
    closed = live["default-deny"]["spec"]
    assert (closed["podSelector"], sorted(closed["policyTypes"])) == ({}, ["Egress", "Ingress"])
    assert "ingress" not in closed
    assert "egress" not in closed


@needs_kubectl
def test_the_gateways_release_is_accepted(cluster: Cluster):
    """Needs no pods: the Deployment is stored; its pods are not waited for."""
    for thing in make_release(render_for(cluster, "kind"), MODEL, RECIPE).gateway:
        applied = cluster.apply(thing)
    [container] = applied["spec"]["template"]["spec"]["containers"]
    assert container["args"][0] == "--model=models:/persona-plug-LaMP_2/7"
    assert applied["spec"]["template"]["metadata"]["labels"]["persona-plug/model-version"] == "7"


@needs_kubectl
def test_the_batchs_job_is_accepted_and_can_not_be_changed(cluster: Cluster):
    """Needs no pods: another content under the same name is refused, so it has another name."""
    [cron_job] = [one for one in render_for(cluster, "kind") if name_of(one) == BATCH]
    job = make_batch_job(cron_job, "v7")
    job["spec"]["suspend"] = True
    cluster.apply(job)
    job["spec"]["template"]["spec"]["containers"][0]["args"].append("--partial")
    with pytest.raises(DeployError, match=r"HTTP 422: .*immutable"):
        cluster.apply(job)


@pytest.mark.needs_pods
def test_a_rollout_is_waited_for(cluster: Cluster):
    """Needs running pods."""
    deployment = make_deployment(cluster.namespace, "one", RUNS)
    cluster.apply(deployment)
    wait_for_rollout(cluster, deployment, SECONDS)
    [pod] = cluster.list_pods("persona-plug/release=one")
    assert pod["status"]["phase"] == "Running"


@pytest.mark.needs_pods
@pytest.mark.parametrize(
    ("script", "image", "reason"),
    [
        (CRASHES, IMAGE, "crashed"),
        (RUNS, "registry.invalid/nobody/nothing:1", "ImagePullBackOff|ErrImage(Never)?Pull"),
    ],
    ids=["crash", "image"],
)
def test_a_failing_rollout_is_told_and_rolled_back(cluster: Cluster, script, image, reason):
    """Needs running pods. Golden requests are never asked."""
    good = KubernetesTarget(cluster, make_gateway_release(cluster, "6", RUNS), "no key", False)
    with good.alone("me", SECONDS):
        good.preview()
        good.apply()
        good.wait(SECONDS)
        serves = good.keep()
    [before] = cluster.list_pods(f"app.kubernetes.io/name={NAME}")
    release = make_gateway_release(cluster, "7", script, image)
    config = DeployConfig(target="kubernetes", timeout_seconds=SECONDS)
    target = KubernetesTarget(cluster, release, "no key", False)
    record = deploy(target, MODEL, make_exam("7"), config, "me")
    assert (record.outcome, record.serves) == ("rolled_back", serves), record.reason
    assert re.search(reason, record.reason)
    assert (script == RUNS) or "  | no champion here" in record.reason
    live = cluster.find(release.deployment)
    assert live["metadata"]["annotations"]["persona-plug/model"].endswith("/6")
    [pod] = list_new_pods(cluster, live)
    assert pod["metadata"]["name"] == before["metadata"]["name"]  # it was never taken away


def make_gateway_release(cluster, version, script, image=IMAGE):
    model = MODEL.model_copy(update={"version": version})
    return make_release([make_gateway(cluster, script, image)], model, RECIPE)


def make_gateway(cluster, script, image=IMAGE):
    """Return a gateway as the manifests have it: told its model, and without a release's label."""
    deployment = make_deployment(cluster.namespace, "", script, image)
    template = deployment["spec"]["template"]
    del template["metadata"]["labels"]["persona-plug/release"]
    template["spec"]["containers"][0]["args"] = ["--model=models:/persona-plug-LaMP_2@champion"]
    return deployment


@pytest.mark.needs_pods
def test_a_first_version_that_crashes_gives_place_to_what_somebody_had_applied(cluster: Cluster):
    """Needs running pods. Golden requests are never asked."""
    made = make_gateway(cluster, RUNS)
    kind = cluster._dynamic.resources.get(api_version="apps/v1", kind="Deployment")
    kind.create(body=made, namespace=cluster.namespace, field_manager="kubectl-create")
    wait_for_rollout(cluster, made, SECONDS)
    [before] = cluster.list_pods(f"app.kubernetes.io/name={NAME}")
    release = make_gateway_release(cluster, "7", CRASHES)
    target = KubernetesTarget(cluster, release, "no key", force=True)
    config = DeployConfig(target="kubernetes", timeout_seconds=SECONDS)
    record = deploy(target, MODEL, make_exam("7"), config, "me")
    assert record.outcome == "rolled_back", record.reason
    assert "crashed" in record.reason
    assert "  | no champion here" in record.reason
    live = cluster.find(made)
    assert live["spec"]["template"]["metadata"]["labels"] == {"app.kubernetes.io/name": NAME}
    [container] = live["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["--model=models:/persona-plug-LaMP_2@champion"]
    [pod] = list_new_pods(cluster, live)
    assert pod["metadata"]["name"] == before["metadata"]["name"]  # it was never taken away
    [noted] = read_note(cluster.find(note_release([], cluster.namespace)))  # for who comes next
    assert noted["spec"]["template"]["spec"]["containers"][0]["args"] == container["args"]


@pytest.mark.needs_pods
def test_a_rollout_whose_pods_are_refused_is_told(cluster: Cluster):
    """Needs the controllers of Deployments and ReplicaSets; no pod ever runs."""
    bad = make_deployment(cluster.namespace, "bad", RUNS)
    bad["spec"]["template"]["spec"]["hostNetwork"] = True
    cluster.apply(bad)
    with pytest.raises(DeployError, match=r"no pod can be made: .*violates PodSecurity"):
        wait_for_rollout(cluster, bad, SECONDS)


@pytest.mark.needs_pods
def test_an_indexed_job_tells_the_index_that_failed(cluster: Cluster, eventually):
    """Needs running pods."""
    job = make_indexed_job(cluster.namespace, "exit $((JOB_COMPLETION_INDEX == 1))")
    cluster.apply(job)

    def find_end():
        status = cluster.find(job).get("status") or {}
        ended = [one["type"] for one in status.get("conditions", ()) if one["status"] == "True"]
        return status if {"Failed", "Complete"} & set(ended) else None

    status = eventually(find_end, "the Job has not ended")
    assert (status["completedIndexes"], status["failedIndexes"]) == ("0,2", "1")
    assert (status["succeeded"], status["failed"]) == (2, 1)
    reasons = [one.get("reason") for one in status["conditions"] if one["type"] == "Failed"]
    assert reasons == ["FailedIndexes"]


@pytest.mark.needs_pods
def test_a_pod_is_asked_through_a_port_forward(cluster: Cluster):
    """Needs running pods, and `nc` in the image, as busybox has it."""
    answer = r"printf 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'"
    script = f"while true; do ({answer}; sleep 2) | nc -l -p 8000; done"
    deployment = make_deployment(cluster.namespace, "one", script)
    cluster.apply(deployment)
    wait_for_rollout(cluster, deployment, SECONDS)
    [pod] = cluster.list_pods("persona-plug/release=one")
    connection = cluster.forward(pod["metadata"]["name"], 8000)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"hi"
    connection.close()
