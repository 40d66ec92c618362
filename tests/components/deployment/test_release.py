"""The objects of a version: what is put into the manifests, and what is left out."""

import copy

import pytest

from components.deployment.release import make_release, strip_live
from tests.components.deployment.conftest import make_model

POD = {
    "containers": [
        {
            "name": "gateway",
            "args": ["--port=8000", "--model=models:/persona-plug-LaMP_2@champion"],
            "envFrom": [{"configMapRef": {"name": "persona-plug-endpoints"}}],
        }
    ],
    "volumes": [{"name": "settings", "configMap": {"name": "persona-plug-serving-g846dkbcbb"}}],
}


def make_object(kind, name, **content):
    return {"kind": kind, "metadata": {"name": name, "namespace": "n"}, **content}


OBJECTS = [
    make_object("ConfigMap", "persona-plug-endpoints", data={"A": "b"}),
    make_object("ConfigMap", "persona-plug-serving-g846dkbcbb", data={"serving.yaml": "x"}),
    make_object("ConfigMap", "persona-plug-batch-bbbbbbbbbb", data={"run.yaml": "y"}),
    make_object(
        "Deployment",
        "persona-plug-gateway",
        spec={"template": {"metadata": {"labels": {"a": "b"}}, "spec": POD}},
    ),
    make_object(
        "CronJob",
        "persona-plug-batch",
        spec={
            "suspend": True,
            "jobTemplate": {
                "spec": {
                    "template": {
                        "spec": {
                            "containers": [{"name": "batch"}],
                            "volumes": [{"configMap": {"name": "persona-plug-batch-bbbbbbbbbb"}}],
                        }
                    }
                }
            },
        },
    ),
]


def change(kind, make):
    objects = copy.deepcopy(OBJECTS)
    [found] = [one for one in objects if one["kind"] == kind]
    make(found)
    return objects


def test_the_version_is_put_into_the_gateway_alone():
    before = copy.deepcopy(OBJECTS)
    release = make_release(OBJECTS, make_model("7"))
    assert before == OBJECTS
    config, deployment = release.gateway
    assert config["metadata"]["name"] == "persona-plug-serving-g846dkbcbb"
    template = deployment["spec"]["template"]
    assert template["spec"]["containers"][0]["args"] == [
        "--port=8000",
        "--model=models:/persona-plug-LaMP_2/7",
    ]
    labels = template["metadata"]["labels"]
    assert {key: labels[key] for key in ("a", "persona-plug/model-version")} == {
        "a": "b",
        "persona-plug/model-version": "7",
    }
    assert (
        template["metadata"]["annotations"]
        == deployment["metadata"]["annotations"]
        == {
            "persona-plug/model": "models:/persona-plug-LaMP_2/7",
            "persona-plug/bundle": "hash 7",
        }
    )
    assert release.batch == []


def test_whatever_changes_what_pods_read_changes_their_label():
    first = make_release(OBJECTS, make_model("7"))
    assert make_release(OBJECTS, make_model("7")).label == first.label
    assert len(first.label) == 16
    other_settings = copy.deepcopy(OBJECTS)
    other_settings[1]["data"]["serving.yaml"] = "z"
    bundle = make_model("7").model_copy(update={"bundle_hash": "another"})
    changed = [
        make_release(OBJECTS, make_model("8")),
        make_release(OBJECTS, bundle),
        make_release(other_settings, make_model("7")),
    ]
    assert len({first.label, *(one.label for one in changed)}) == 4


def test_the_batchs_job_hangs_on_version_and_content():
    woken = change("CronJob", lambda one: one["spec"].update(suspend=False))
    config, job = make_release(woken, make_model("7")).batch
    assert config["metadata"]["name"] == "persona-plug-batch-bbbbbbbbbb"
    name = job["metadata"]["name"]
    assert name.startswith("persona-plug-batch-v7-")

    def change_spec(one):
        one["spec"]["suspend"] = False
        one["spec"]["jobTemplate"]["spec"]["completions"] = 8

    other = make_release(change("CronJob", change_spec), make_model("7")).batch[-1]
    assert other["metadata"]["name"] != name


@pytest.mark.parametrize("arguments", [[], ["--model=a", "--model=b"]])
def test_a_gateway_that_is_not_told_its_model_once_is_refused(arguments):
    def change_arguments(one):
        one["spec"]["template"]["spec"]["containers"][0]["args"] = arguments

    with pytest.raises(ValueError, match=f"{len(arguments)} arguments --model=..., expected one"):
        make_release(change("Deployment", change_arguments), make_model("7"))


def test_manifests_without_a_gateway_are_refused():
    with pytest.raises(ValueError, match=r"have no Deployment/persona-plug-gateway, but .*CronJob"):
        make_release(OBJECTS[-1:], make_model("7"))


def test_a_live_object_is_taken_back_to_what_somebody_applied():
    live = {
        "kind": "Deployment",
        "metadata": {
            "name": "a",
            "uid": "1",
            "resourceVersion": "2",
            "managedFields": [],
            "annotations": {"deployment.kubernetes.io/revision": "3", "ours": "yes"},
        },
        "spec": {"replicas": 4, "template": {}},
        "status": {"replicas": 4},
    }
    assert strip_live(live) == {
        "kind": "Deployment",
        "metadata": {"name": "a", "annotations": {"ours": "yes"}},
        "spec": {"template": {}},
    }
