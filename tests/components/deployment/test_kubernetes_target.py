"""A version on a cluster: the manifests of this repository against the double of an API server."""

import copy
import os
import re
import shutil
import signal
from threading import Thread

import pytest
import yaml

from components.deployment import patient_client
from components.deployment.cluster import Cluster
from components.deployment.config import DeployConfig
from components.deployment.deploy import DeployError, deploy
from components.deployment.kubernetes_target import LAST_GOOD, KubernetesTarget
from components.deployment.manifests import name_of, render
from components.deployment.release import BATCH, make_release
from infra.manifests.render import KUBERNETES
from tests.cluster.double.api import ApiDouble
from tests.components.deployment.conftest import KEY, NAME, RECIPE, make_exam, make_model
from tests.components.deployment.plain_gateway import PlainGateway, make_server

LEASES = "coordination.k8s.io/v1"
SPACE, MANAGER = "persona-plug", "kubectl-edit"
IMAGE = "registry.example.com/persona-plug/serve:0.1.0-cpu"
CONFIG = DeployConfig(target="kubernetes", timeout_seconds=2)

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


@pytest.fixture(scope="module")
def manifests():
    return [one for one in render(KUBERNETES / "overlays" / "kind") if in_space(one)]


def in_space(thing):
    return thing["metadata"].get("namespace") == SPACE


class World:
    """A cluster with one node, whose gateways are a plain one that tells the version it should."""

    def __init__(self, double, cluster, gateway, manifests):
        self.double, self.cluster, self.gateway = double, cluster, gateway
        self.manifests = manifests

    def target(self, version, force=False):
        release = make_release(self.manifests, make_model(version), RECIPE)
        return KubernetesTarget(self.cluster, release, KEY, force)

    def put(self, version, force=False, **changes):
        config = CONFIG.model_copy(update=changes)
        self.gateway.version = version
        target = self.target(version, force)
        return deploy(target, make_model(version), make_exam(version), config, "me")

    def expire_lease(self, holder=None):
        lease = self.find("Lease", LAST_GOOD, LEASES)
        lease["spec"]["renewTime"] = "2026-01-01T00:00:00.000000Z"
        if holder is not None:
            lease["spec"]["holderIdentity"] = holder
        self.double.store.update(lease, SPACE, "somebody")

    def find(self, kind, name, api_version="v1"):
        metadata = {"name": name, "namespace": SPACE}
        return self.cluster.find({"apiVersion": api_version, "kind": kind, "metadata": metadata})

    def served(self):
        [container] = self.find("Deployment", "persona-plug-gateway", "apps/v1")["spec"][
            "template"
        ]["spec"]["containers"]
        return container["args"][0]


@pytest.fixture
def world(manifests, tmp_path, monkeypatch):
    monkeypatch.setattr(patient_client, "PAUSE_SECONDS", 0.1)
    gateway = PlainGateway(NAME, "", KEY)
    server = make_server(gateway)
    Thread(target=server.serve_forever, daemon=True).start()
    with ApiDouble({IMAGE: server.server_port}) as double:
        monkeypatch.setattr(
            "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION",
            str(double.write_kubeconfig(tmp_path / "kubeconfig")),
        )
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        space = {"apiVersion": "v1", "kind": "Namespace"}
        double.store.update({**space, "metadata": {"name": SPACE, "labels": labels}}, "", "me")
        yield World(double, Cluster.connect(None, SPACE), gateway, manifests)
    server.shutdown()


def test_a_version_is_applied_and_a_second_time_nothing_is_changed(world):
    first = world.put("7")
    assert first.outcome == "deployed", first.reason
    assert first.serves == f"Deployment/persona-plug-gateway with models:/{NAME}/7"
    assert list(first.seconds) == ["preview", "apply", "wait", "check", "keep", "settle"]
    assert world.served() == f"--model=models:/{NAME}/7"
    live = world.find("Deployment", "persona-plug-gateway", "apps/v1")
    assert live["metadata"]["annotations"]["persona-plug/bundle"] == "hash 7"
    config = live["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"]
    assert "serving.yaml" in world.find("ConfigMap", config)["data"]

    again = world.put("7")
    assert (again.outcome, again.diff) == ("unchanged", "")
    now = world.find("Deployment", "persona-plug-gateway", "apps/v1")
    assert now["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]


def test_a_dry_run_tells_the_difference_and_changes_nothing(world):
    world.put("7")
    told = world.put("8", dry_run=True)
    assert told.outcome == "dry_run"
    assert f"-        - --model=models:/{NAME}/7\n" in told.diff
    assert f"+        - --model=models:/{NAME}/8\n" in told.diff
    assert "--- Deployment/persona-plug-gateway now" in told.diff
    assert "resourceVersion" not in told.diff
    assert world.served() == f"--model=models:/{NAME}/7"


def test_golden_requests_that_fail_bring_the_last_good_version_back(world):
    first = world.put("7")
    world.gateway.does = "wrong"
    record = world.put("8")
    assert record.outcome == "rolled_back"
    assert re.match(
        r"pod persona-plug-gateway-\S+: 3 of 3 golden requests are answered otherwise",
        record.reason,
    )
    assert record.serves == first.serves
    assert world.served() == f"--model=models:/{NAME}/7"
    [pod] = world.cluster.list_pods("app.kubernetes.io/name=persona-plug-gateway")
    assert pod["metadata"]["labels"]["persona-plug/model-version"] == "7"


def test_pods_of_another_version_are_told(world):
    release = make_release(world.manifests, make_model("7"), RECIPE)
    target = KubernetesTarget(world.cluster, release, KEY, False)
    world.gateway.version = "6"
    record = deploy(target, make_model("7"), make_exam("7"), CONFIG, "me")
    assert f"serves version 6 of {NAME}, not 7 of {NAME}" in record.reason


def test_a_first_version_that_fails_is_deleted(world):
    world.gateway.does = "forgetful"
    record = world.put("7")
    assert (record.outcome, record.serves) == (
        "rolled_back",
        "nothing: there was no gateway before",
    )
    assert world.find("Deployment", "persona-plug-gateway", "apps/v1") is None
    assert world.find("ConfigMap", LAST_GOOD) is None


def test_what_somebody_else_had_applied_before_comes_back(world):
    """`kubectl apply -k` has made the gateway with the alias; no release is noted yet."""
    made = find_gateway(world.manifests)
    world.double.store.update(made, SPACE, "kubectl-client-side-apply")
    refused = world.put("7")
    assert refused.outcome == "refused"
    assert "kubectl-client-side-apply" in refused.reason
    world.gateway.does = "wrong"
    record = world.put("7", force=True)
    assert record.outcome == "rolled_back"
    assert world.served() == f"--model=models:/{NAME}@champion"


def test_a_persons_edit_is_named_and_kept_unless_it_is_to_be_taken_over(world):
    world.put("7")
    live = world.find("Deployment", "persona-plug-gateway", "apps/v1")
    live["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 60
    world.double.store.update(live, SPACE, MANAGER)
    refused = world.put("8")
    assert refused.outcome == "refused"
    assert refused.reason == (
        "nothing was changed: Deployment/persona-plug-gateway: somebody else has set what would be "
        "changed: .spec.template.spec.terminationGracePeriodSeconds (conflict with "
        '"kubectl-edit"). Put it into the manifests, or take it over by '
        "deploy.kubernetes.force: true"
    )
    assert world.served() == f"--model=models:/{NAME}/7"
    assert world.put("8", force=True).outcome == "deployed"
    live = world.find("Deployment", "persona-plug-gateway", "apps/v1")
    assert live["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 45


def test_an_image_that_is_not_there_is_told_and_the_old_pods_stay(world):
    first = world.put("7")
    other = render_with_image(world.manifests, "registry.example.com/persona-plug/serve:missing")
    world.manifests = other
    record = world.put("8")
    assert (record.outcome, record.serves) == ("rolled_back", first.serves)
    assert record.reason.startswith(
        "Deployment/persona-plug-gateway: ImagePullBackOff: Back-off pulling image "
        '"registry.example.com/persona-plug/serve:missing"'
    )
    assert record.reason.splitlines()[1].startswith("pod persona-plug-gateway-")


def test_a_container_that_crashes_is_told_with_its_last_words(world):
    world.put("7")
    world.manifests = render_with_image(world.manifests, "crashing")
    deployment = find_gateway(world.manifests)
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    container["command"] = ["sh", "-c", "echo no champion here; exit 1"]
    world.double.kubelet.images["crashing"] = "run"
    record = world.put("8")
    assert record.outcome == "rolled_back"
    assert "gateway crashed 3 times" in record.reason
    assert record.reason.endswith("  | no champion here")


def test_pods_that_pod_security_refuses_are_told(world):
    world.put("7")
    world.manifests = render_with_image(world.manifests, IMAGE)
    deployment = find_gateway(world.manifests)
    deployment["spec"]["template"]["spec"]["hostNetwork"] = True
    record = world.put("8")
    assert record.outcome == "rolled_back"
    assert "no pod can be made: pods" in record.reason
    assert "violates PodSecurity" in record.reason


def test_a_first_version_that_crashes_gives_place_to_what_somebody_had_applied(world):
    """The controllers take their time: the pods that crash are there when the rollback begins."""
    made = find_gateway(world.manifests)
    world.double.store.update(made, SPACE, "kubectl-client-side-apply")
    world.manifests = render_with_image(world.manifests, "crashing")
    [container] = find_gateway(world.manifests)["spec"]["template"]["spec"]["containers"]
    container["command"] = ["sh", "-c", "exit 1"]
    world.double.kubelet.images["crashing"] = "run"
    world.double.controllers.delay_seconds = 0.6
    record = world.put("7", force=True, timeout_seconds=10)
    assert record.outcome == "rolled_back", record.reason
    assert "gateway crashed 3 times" in record.reason
    assert world.served() == f"--model=models:/{NAME}@champion"


def test_two_deployments_at_once_are_one(world):
    world.put("7")
    with world.target("8").alone("anna", 60):
        refused = world.put("9")
        assert refused.outcome == "refused"
        assert "Lease/persona-plug-release is held by anna [" in refused.reason
        assert world.put("9", dry_run=True).outcome == "dry_run"
    assert world.put("9").outcome == "deployed"


def test_who_is_overtaken_changes_nothing_more(world):
    """A machine that slept: its lease expired, and another one deploys."""
    world.put("7")
    late, world.gateway.version = world.target("8"), "8"
    apply = late.apply

    def sleep_and_apply():
        apply()
        world.expire_lease()
        assert world.put("9").outcome == "deployed"
        world.expire_lease("bert")

    late.apply = sleep_and_apply
    record = deploy(late, make_model("8"), make_exam("8"), CONFIG, "me")
    assert record.outcome == "failed"
    assert record.reason.startswith("Lease/persona-plug-release was lost, and is held by bert now")
    assert world.served() == f"--model=models:/{NAME}/9"
    assert world.find("Lease", LAST_GOOD, LEASES)["spec"]["holderIdentity"] == "bert"


@pytest.mark.parametrize("does", ["", "wrong"])
def test_the_lease_is_given_back_whatever_happens(world, does):
    world.gateway.does = does
    world.put("7")
    assert "holderIdentity" not in world.find("Lease", LAST_GOOD, LEASES)["spec"]


def test_who_is_told_to_end_takes_back_what_it_did(world, signals):
    """As Kubernetes ends a pod."""
    first = world.put("7")
    target = world.target("8")
    target.doors = lambda: os.kill(os.getpid(), signal.SIGTERM)
    record = deploy(target, make_model("8"), make_exam("8"), CONFIG, "me")
    told = "the deployment was told to end by SIGTERM"
    assert (record.outcome, record.reason, record.serves) == ("rolled_back", told, first.serves)
    assert world.served() == f"--model=models:/{NAME}/7"
    assert "holderIdentity" not in world.find("Lease", LAST_GOOD, LEASES)["spec"]
    assert signals == [signal.SIGTERM]


@pytest.mark.parametrize("phase", ["wait", "keep"])
def test_an_api_server_that_restarts_is_no_fault_of_the_version(world, phase):
    world.put("7")
    world.gateway.version, target = "8", world.target("8")
    break_before(world, target, phase)
    config = CONFIG.model_copy(update={"timeout_seconds": 20})
    record = deploy(target, make_model("8"), make_exam("8"), config, "me")
    assert record.outcome == "deployed", record.reason
    assert world.served() == f"--model=models:/{NAME}/8"


def test_an_api_server_that_restarts_is_waited_for_by_a_rollback(world):
    world.put("7")
    world.gateway.does, target = "wrong", world.target("8")
    world.gateway.version = "8"
    break_before(world, target, "roll_back")
    config = CONFIG.model_copy(update={"timeout_seconds": 20})
    record = deploy(target, make_model("8"), make_exam("8"), config, "me")
    assert record.outcome == "rolled_back", record.reason
    assert world.served() == f"--model=models:/{NAME}/7"


def test_who_is_told_to_end_does_not_wait_for_an_api_server_that_hangs(world, signals, monkeypatch):
    monkeypatch.setattr("components.deployment.deploy.GRACE_SECONDS", 1)
    monkeypatch.setattr("components.deployment.lease.GIVE_BACK_SECONDS", 1)
    world.put("7")
    target = world.target("8")

    def hang_and_be_told():
        world.double.troubles = ["hang"] * 100
        os.kill(os.getpid(), signal.SIGTERM)

    target.doors = hang_and_be_told
    record = deploy(target, make_model("8"), make_exam("8"), CONFIG, "me")
    assert record.outcome == "failed"
    assert "SIGTERM; and it could not be rolled back: " in record.reason
    assert record.seconds["roll_back"] < 2.5
    assert len(world.double.troubles) == 98  # one of each, and the lease expires


def break_before(world, target, phase):
    """Let an API server restart when a phase begins, and lose an answer."""
    begin = getattr(target, phase)

    def begin_in_trouble(*seconds):
        world.double.troubles = ["drop", "busy", "lose"]
        return begin(*seconds)

    setattr(target, phase, begin_in_trouble)


def test_a_persons_edit_of_our_own_record_is_no_obstacle(world):
    world.put("7")
    note = world.find("ConfigMap", LAST_GOOD)
    note["metadata"]["labels"]["app.kubernetes.io/part-of"] = "something"
    note["data"]["release.json"] += "\n"
    world.double.store.update(note, SPACE, MANAGER)
    record = world.put("8")
    assert record.outcome == "deployed", record.reason
    world.gateway.does = "wrong"
    assert world.put("9").serves.endswith(f"models:/{NAME}/8")


def test_a_record_that_can_not_be_read_is_refused_before_anything_is_changed(world):
    world.put("7")
    note = world.find("ConfigMap", LAST_GOOD)
    note["data"]["release.json"] = "[{"
    world.double.store.update(note, SPACE, MANAGER)
    record = world.put("8")
    assert record.outcome == "refused"
    assert "ConfigMap/persona-plug-release holds no release.json that can be read" in record.reason
    assert world.served() == f"--model=models:/{NAME}/7"


def test_a_batch_that_is_refused_takes_no_version_back(world, monkeypatch):
    wake_batch(world)
    apply = world.cluster.apply

    def refuse_jobs(thing, *, force=False, dry_run=False):
        if thing["kind"] == "Job" and not dry_run:
            raise DeployError("Job/x: HTTP 403: no")
        return apply(thing, force=force, dry_run=dry_run)

    monkeypatch.setattr(world.cluster, "apply", refuse_jobs)
    record = world.put("7")
    assert record.outcome == "failed"
    assert record.reason == "it serves and answers its golden requests, but Job/x: HTTP 403: no"
    assert record.serves.endswith(f"models:/{NAME}/7")
    world.gateway.does = "wrong"
    assert world.put("8").serves == record.serves  # it was noted


def test_the_batch_begins_when_its_cron_job_is_not_suspended(world):
    wake_batch(world)
    world.put("7")
    release = make_release(world.manifests, make_model("7"), RECIPE)
    job = release.batch[-1]["metadata"]["name"]
    assert re.fullmatch(r"persona-plug-batch-v7-[0-9a-f]{8}", job)
    live = world.find("Job", job, "batch/v1")
    assert live["spec"]["completions"] == 4
    [settings] = [
        one["configMap"]["name"]
        for one in live["spec"]["template"]["spec"]["volumes"]
        if "configMap" in one
    ]
    config = world.find("ConfigMap", settings)
    assert yaml.safe_load(config["data"]["run.yaml"])["parameters"]["task"]["name"] == "LaMP_2"
    [owner] = config["metadata"]["ownerReferences"]  # it goes when its Job goes
    assert (owner["kind"], owner["name"], owner["uid"]) == ("Job", job, live["metadata"]["uid"])
    again = world.put("7")
    assert (again.outcome, again.diff) == ("unchanged", "")
    same = world.find("ConfigMap", settings)["metadata"]["resourceVersion"]
    assert same == config["metadata"]["resourceVersion"]


def test_a_version_that_fails_now_is_not_replaced_by_itself(world):
    """Its Job's time has passed, so there is a difference: but none of what answers."""
    wake_batch(world)
    world.put("7")
    for name in (one["metadata"]["name"] for one in world.double.store.select("Job", SPACE)):
        world.double.store.delete("Job", SPACE, name)
    world.gateway.does = "wrong"
    record = world.put("7")
    assert "Job/persona-plug-batch-v7-" in record.diff
    assert record.outcome == "failed"
    told = "what serves was not changed, and nothing was rolled back: pod "
    assert record.reason.startswith(told)


def test_what_was_left_halfway_and_fails_gives_place_to_what_was_noted(world):
    world.put("7")
    left = world.target("8")
    with left.alone("me", 60):
        left.preview()
        left.apply()
    world.gateway.does = "wrong"
    record = world.put("8")
    assert (record.outcome, record.diff) == ("rolled_back", "")
    assert world.served() == f"--model=models:/{NAME}/7"


def test_a_first_deployment_that_was_left_halfway_gives_place_to_what_was_there_before(world):
    made = find_gateway(world.manifests)
    world.double.store.update(made, SPACE, "kubectl-client-side-apply")
    left = world.target("7", force=True)
    with left.alone("me", 60):
        left.preview()
        left.apply()
    world.gateway.does = "wrong"
    assert world.put("8").outcome == "rolled_back"
    assert world.served() == f"--model=models:/{NAME}@champion"


def test_a_cluster_that_is_not_there_is_told(tmp_path, monkeypatch):
    with ApiDouble() as double:
        path = double.write_kubeconfig(tmp_path / "kubeconfig")
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    with pytest.raises(DeployError, match="the cluster doesn't answer"):
        Cluster.connect(None, SPACE)
    with pytest.raises(DeployError, match="no way to a cluster"):
        Cluster.connect("elsewhere", SPACE)


def wake_batch(world):
    world.manifests = render_with_image(world.manifests, IMAGE)
    [cron_job] = [one for one in world.manifests if name_of(one) == BATCH]
    cron_job["spec"]["suspend"] = False


def find_gateway(manifests):
    return next(one for one in manifests if name_of(one) == "Deployment/persona-plug-gateway")


def render_with_image(manifests, image):
    """Return a copy of the manifests in which the gateway has another image."""
    changed = copy.deepcopy(manifests)
    find_gateway(changed)["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return changed
