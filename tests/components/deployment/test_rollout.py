"""When a rollout is done, and what is told of one that never will be."""

import pytest

from components.deployment.deploy import DeployError
from components.deployment.rollout import (
    find_fault,
    find_pod_fault,
    is_ready,
    is_rolled_out,
    list_new_pods,
    wait_for_rollout,
)


def make_live(generation=2, replicas=3, **status):
    whole = {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}
    return {
        "metadata": {"generation": generation},
        "spec": {"replicas": replicas},
        "status": {**whole, **status},
    }


@pytest.mark.parametrize(
    ("live", "is_done"),
    [
        (make_live(), True),
        (make_live(generation=3), False),  # the controller hasn't seen it yet
        (make_live(updatedReplicas=2), False),
        (make_live(replicas=4), False),
        (make_live(availableReplicas=2), False),
        (make_live(observedGeneration=2, updatedReplicas=3, availableReplicas=3), True),
        ({**make_live(), "status": {**make_live()["status"], "replicas": 4}}, False),  # an old pod
        ({**make_live(), "status": {}}, False),
    ],
)
def test_all_pods_must_be_new_and_available(live, is_done):
    assert is_rolled_out(live) == is_done


def test_conditions_of_an_earlier_rollout_are_not_this_ones():
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    condition = {**late, "message": "took too long"}
    told = "took too long (3 of 3 pods are new, 3 are available, 3 in all)"
    assert find_fault(make_live(conditions=[condition])) == told
    assert find_fault(make_live(generation=3, conditions=[condition])) is None


def make_pod(reason, crashes=0, kind="containerStatuses"):
    state = {"waiting": {"reason": reason, "message": "because"}}
    return {"status": {kind: [{"name": "gateway", "restartCount": crashes, "state": state}]}}


@pytest.mark.parametrize(
    ("pod", "fault"),
    [
        (make_pod("ContainerCreating"), None),
        (make_pod("ErrImagePull"), None),  # tried again; then it is ImagePullBackOff
        (make_pod("ImagePullBackOff"), "ImagePullBackOff: because"),
        (make_pod("CreateContainerConfigError"), "CreateContainerConfigError: because"),
        (make_pod("CrashLoopBackOff", 1), None),
        (make_pod("CrashLoopBackOff", 2), "gateway crashed 2 times"),
        (make_pod("ImagePullBackOff", kind="initContainerStatuses"), "ImagePullBackOff: because"),
        ({}, None),
    ],
)
def test_what_no_patience_mends_is_a_fault(pod, fault):
    assert find_pod_fault([pod]) == fault


def make_owned(name, template, revision=None, **metadata):
    annotations = {} if revision is None else {"deployment.kubernetes.io/revision": revision}
    labels = {"name": "gateway", "pod-template-hash": template}
    return {
        "metadata": {"name": name, "labels": labels, "annotations": annotations, **metadata},
    }


class Listed:
    """A cluster of which two lists are asked."""

    replica_sets = (make_owned("one", "aa", "1"), make_owned("two", "bb", "2"))
    pods = (
        make_owned("old", "aa"),
        make_owned("new", "bb"),
        make_owned("ending", "bb", deletionTimestamp="2026-01-01T00:00:00Z"),
    )

    def list_replica_sets(self, selector):
        assert selector == "name=gateway,part=x"
        return self.replica_sets

    def list_pods(self, selector):
        assert selector == "name=gateway,part=x"
        return self.pods


@pytest.mark.parametrize(("revision", "names"), [("1", ["old"]), ("2", ["new"]), (None, [])])
def test_new_pods_are_those_of_the_newest_replica_set_that_stay(revision, names):
    live = make_owned("gateway", "", revision)
    live["spec"] = {"selector": {"matchLabels": {"name": "gateway", "part": "x"}}}
    assert [pod["metadata"]["name"] for pod in list_new_pods(Listed(), live)] == names


class Looked(Listed):
    """A cluster whose Deployment is another one at each look."""

    def __init__(self, *looks):
        self.looks = iter(looks)

    def find(self, deployment):
        return next(self.looks)


def make_look(**changes):
    live = make_live(**changes)
    live |= {"kind": "Deployment"}
    live["metadata"] |= {"name": "gateway"}
    live["spec"] |= {"selector": {"matchLabels": {"name": "gateway", "part": "x"}}}
    return live


LATE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
STALE = {"conditions": [{**LATE, "message": "took too long"}], "updatedReplicas": 1}


def test_a_condition_of_the_last_rollout_does_not_end_this_one():
    """The first status of the new generation may still have it."""
    cluster = Looked(make_look(**STALE), make_look(**STALE), make_look())
    wait_for_rollout(cluster, {}, 60, look_seconds=0)


def test_a_condition_that_stays_ends_it():
    cluster = Looked(*(make_look(**STALE) for _ in range(4)))
    told = r"Deployment/gateway: took too long \(1 of 3 pods are new"
    with pytest.raises(DeployError, match=told):
        wait_for_rollout(cluster, {}, 60, look_seconds=0)
    assert len(list(cluster.looks)) == 1
    cluster = Looked(make_look(**STALE), make_look(updatedReplicas=1), *[make_look(**STALE)] * 2)
    with pytest.raises(StopIteration):  # it went on looking
        wait_for_rollout(cluster, {}, 60, look_seconds=0)


def test_what_is_wrong_is_told_when_time_is_up():
    with pytest.raises(DeployError, match="took too long"):
        wait_for_rollout(Looked(make_look(**STALE)), {}, -1)
    with pytest.raises(DeployError, match="not rolled out after -1 s: 1 of 3 pods are new"):
        wait_for_rollout(Looked(make_look(updatedReplicas=1)), {}, -1)


def test_only_ready_pods_are_asked():
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}, "metadata": {}}
    late = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}, "metadata": {}}
    assert [is_ready(pod) for pod in (ready, late, {"metadata": {}})] == [True, False, False]
