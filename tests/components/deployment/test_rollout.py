"""When a rollout is done, and what is told of one that never will be."""

import pytest

from components.deployment.rollout import (
    find_fault,
    find_pod_fault,
    is_ready,
    is_rolled_out,
    select_pods,
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


def test_new_pods_are_told_by_the_releases_label():
    deployment = {
        "spec": {
            "selector": {"matchLabels": {"name": "gateway"}},
            "template": {"metadata": {"labels": {"name": "gateway", "persona-plug/release": "ab"}}},
        }
    }
    assert select_pods(deployment) == "name=gateway,persona-plug/release=ab"
    del deployment["spec"]["template"]["metadata"]["labels"]["persona-plug/release"]
    assert select_pods(deployment) == "name=gateway"


def test_only_ready_pods_that_stay_are_asked():
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}, "metadata": {}}
    late = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}, "metadata": {}}
    ending = {**ready, "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}
    assert [is_ready(pod) for pod in (ready, late, ending, {"metadata": {}})] == [
        True,
        False,
        False,
        False,
    ]
