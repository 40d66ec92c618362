"""The objects of a version: what is put into the manifests, and what is left out."""

import copy

import pytest

from components.deployment.batch_job import VectorRecipe
from components.deployment.release import make_release, strip_live
from components.embedding.__main__ import EmbeddingSettings
from components.encoders.config import EncoderConfig
from components.run_yaml import read_sections
from components.tasks.lamp import LAMP_5
from tests.components.deployment.conftest import RECIPE, make_model

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


RUN = """parameters:
  task: LaMP_3
  encoder: {name: another, batch_tokens: 4096}
  personas: {tenant: acme}
  embedding: {items_per_batch: 7}
"""
OBJECTS = [
    make_object("ConfigMap", "persona-plug-endpoints", data={"A": "b"}),
    make_object("ConfigMap", "persona-plug-serving-g846dkbcbb", data={"serving.yaml": "x"}),
    make_object("ConfigMap", "persona-plug-batch-bbbbbbbbbb", data={"run.yaml": RUN, "more": "z"}),
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
    release = make_release(OBJECTS, make_model("7"), RECIPE)
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
    first = make_release(OBJECTS, make_model("7"), RECIPE)
    assert make_release(OBJECTS, make_model("7"), RECIPE).label == first.label
    assert len(first.label) == 16
    other_settings = copy.deepcopy(OBJECTS)
    other_settings[1]["data"]["serving.yaml"] = "z"
    bundle = make_model("7").model_copy(update={"bundle_hash": "another"})
    changed = [
        make_release(OBJECTS, make_model("8"), RECIPE),
        make_release(OBJECTS, bundle, RECIPE),
        make_release(other_settings, make_model("7"), RECIPE),
    ]
    assert len({first.label, *(one.label for one in changed)}) == 4


def test_the_batchs_job_hangs_on_version_and_content():
    woken = change("CronJob", lambda one: one["spec"].update(suspend=False))
    config, job = make_release(woken, make_model("7"), RECIPE).batch
    name = job["metadata"]["name"]
    assert (config["kind"], config["metadata"]["name"]) == ("ConfigMap", name)
    [volume] = job["spec"]["template"]["spec"]["volumes"]
    assert volume["configMap"]["name"] == name
    assert name.startswith("persona-plug-batch-v7-")

    def change_spec(one):
        one["spec"]["suspend"] = False
        one["spec"]["jobTemplate"]["spec"]["completions"] = 8

    other = make_release(change("CronJob", change_spec), make_model("7"), RECIPE).batch[-1]
    assert other["metadata"]["name"] != name


def wake(objects=OBJECTS):
    woken = copy.deepcopy(objects)
    [cron_job] = [one for one in woken if one["kind"] == "CronJob"]
    cron_job["spec"]["suspend"] = False
    return woken


def test_the_batch_reads_the_encoder_and_the_task_of_the_version(tmp_path):
    """And store and sizes as the manifests say."""
    encoder = EncoderConfig(name="org/other", revision="c0ffee", prompt="item: ", max_length=64)
    recipe = VectorRecipe(LAMP_5.model_copy(update={"history_template": "{title}"}), encoder)
    config, job = make_release(wake(), make_model("7"), recipe).batch
    (tmp_path / "run.yaml").write_text(config["data"]["run.yaml"])
    settings = read_sections(tmp_path / "run.yaml", EmbeddingSettings)
    assert settings.task == recipe.task
    assert settings.encoder == encoder.model_copy(update={"batch_tokens": 4096})
    assert (settings.personas.tenant, settings.embedding.items_per_batch) == ("acme", 7)
    assert config["data"]["more"] == "z"
    same, other = (make_release(wake(), make_model("7"), one).batch for one in (recipe, RECIPE))
    assert same == [config, job]
    assert other[-1]["metadata"]["name"] != job["metadata"]["name"]


def test_a_batch_without_settings_is_refused():
    for changed in ({}, {"data": {"other.yaml": "a: 1"}}):
        objects = wake()
        objects[2] = {**objects[2], "data": {}, **changed}
        with pytest.raises(ValueError, match=r"the batch reads .*; expected one .* run\.yaml"):
            make_release(objects, make_model("7"), RECIPE)


@pytest.mark.parametrize("arguments", [[], ["--model=a", "--model=b"]])
def test_a_gateway_that_is_not_told_its_model_once_is_refused(arguments):
    def change_arguments(one):
        one["spec"]["template"]["spec"]["containers"][0]["args"] = arguments

    with pytest.raises(ValueError, match=f"{len(arguments)} arguments --model=..., expected one"):
        make_release(change("Deployment", change_arguments), make_model("7"), RECIPE)


def test_manifests_without_a_gateway_are_refused():
    with pytest.raises(ValueError, match=r"have no Deployment/persona-plug-gateway, but .*CronJob"):
        make_release(OBJECTS[-1:], make_model("7"), RECIPE)


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
