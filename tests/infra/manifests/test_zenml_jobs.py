"""What ZenML submits for configs/kubernetes.yaml, rendered once."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.manifests.zenml_jobs import STACK, render_zenml_jobs
from infra.stacks.repository import REPOSITORY

pytestmark = pytest.mark.slow

CONFIG = REPOSITORY / "configs" / "kubernetes.yaml"
GPU = "nvidia.com/gpu"
GPU_STEPS = {
    "encode_histories",
    "evaluate_incumbents",
    "evaluate_user_embedder",
    "train_user_embedder",
}
Objects = list[dict[str, Any]]


ZEN = REPOSITORY / ".zen" / "config.yaml"


def read_zen() -> bytes | None:
    """Return which stack is active in this repository, for its user."""
    return ZEN.read_bytes() if ZEN.exists() else None


@pytest.fixture(scope="module")
def objects() -> Objects:
    before = read_zen()
    rendered = render_zenml_jobs(CONFIG)
    assert read_zen() == before, "the rendering touched the user's own ZenML"
    return rendered


def pod_of(thing: dict[str, Any]) -> dict[str, Any]:
    job = thing["spec"]["jobTemplate"] if thing["kind"] == "CronJob" else thing
    pod: dict[str, Any] = job["spec"]["template"]["spec"]
    return pod


def steps_of(objects: Objects, pipeline: str = "train_persona") -> dict[str, dict[str, Any]]:
    """Return the Jobs of a pipeline's steps, by the steps' names."""
    labels = [(one["metadata"]["labels"], one) for one in objects]
    ours = [(name, one) for name, one in labels if name["pipeline"] == pipeline]
    return {name["step_name"]: one for name, one in ours if "step_name" in name}


def test_there_is_a_schedule_a_run_and_every_step(objects: Objects) -> None:
    from pipelines.retrain_persona import retrain_persona
    from pipelines.train_persona import train_persona

    pipeline = train_persona.with_options(config_path=str(CONFIG))
    pipeline.prepare()

    retraining = {step.name for step in retrain_persona.depends_on}

    assert objects[0]["kind"] == "CronJob"
    assert {one["kind"] for one in objects[1:]} == {"Job"}
    assert set(steps_of(objects)) == set(pipeline.invocations)
    assert set(steps_of(objects, "retrain_persona")) == retraining
    assert len(objects) == 2 + len(pipeline.invocations) + len(retraining)
    assert {one["metadata"]["namespace"] for one in objects} == {"persona-plug"}


@pytest.mark.parametrize("pipeline", ["train_persona", "retrain_persona"])
def test_gpus_go_to_the_steps_that_compute_on_them(objects: Objects, pipeline: str) -> None:
    limits = {
        name: pod_of(one)["containers"][0]["resources"]["limits"]
        for name, one in steps_of(objects, pipeline).items()
    }
    assert {name for name, limit in limits.items() if GPU in limit} == GPU_STEPS
    pod = pod_of(steps_of(objects, pipeline)["train_user_embedder"])
    [container] = pod["containers"]
    assert container["resources"]["requests"][GPU] == "1"
    assert pod["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    assert pod["tolerations"][0]["key"] == GPU
    assert {"name": "shm", "mountPath": "/dev/shm"} in container["volumeMounts"]


def test_every_pod_is_restricted(objects: Objects) -> None:
    for one in objects:
        pod = pod_of(one)
        [container] = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsGroup": 10001,
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["image"] == "registry.example.com/persona-plug/train:0.1.0-cuda"


def test_only_the_orchestrator_talks_to_the_cluster(objects: Objects) -> None:
    for one in objects:
        is_step = "step_name" in one["metadata"]["labels"]
        account = "persona-plug-step" if is_step else "persona-plug-pipeline"
        assert pod_of(one)["serviceAccountName"] == account
        assert pod_of(one).get("automountServiceAccountToken") is (False if is_step else None)


def test_the_token_of_zenml_is_a_secrets_but_in_isolated_steps(objects: Objects) -> None:
    for one in objects:
        [container] = pod_of(one)["containers"]
        variables = {variable["name"]: variable for variable in container["env"]}
        token = variables["ZENML_STORE_API_TOKEN"]
        if "step_run_id" in one["metadata"]["labels"]:
            assert token["value"] == "rendered"  # ZenML's own doing: docs/operations.md
        else:
            assert token["valueFrom"]["secretKeyRef"]["name"].startswith("zenml-token-")
        assert variables["ZENML_STORE_URL"]["value"] == "https://zenml.example.com"
        assert variables["ZENML_CUSTOM_SOURCE_ROOT"]["value"] == "/app"


def test_an_eviction_counts_neither_in_the_job_nor_ends_the_step(objects: Objects) -> None:
    spec = steps_of(objects)["train_user_embedder"]["spec"]
    actions = [rule["action"] for rule in spec["podFailurePolicy"]["rules"]]
    assert actions == ["Ignore", "FailJob", "Count"]
    assert spec["backoffLimit"] == 5
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 120
    assert steps_of(objects)["load_histories"]["spec"]["backoffLimit"] == 2


def test_the_schedule_retrains_and_does_not_join_a_run(objects: Objects) -> None:
    assert objects[0]["metadata"]["labels"]["pipeline"] == "retrain_persona"
    spec = objects[0]["spec"]
    assert spec["schedule"] == "0 3 * * 1"
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["startingDeadlineSeconds"] == 3600
    assert spec["jobTemplate"]["spec"]["ttlSecondsAfterFinished"] == 86400


def test_a_wrong_key_ends_the_command(tmp_path: Path) -> None:
    config = tmp_path / "run.yaml"
    config.write_text("steps: {train_user_embeder: {setings: {}}}")
    done = subprocess.run(
        [sys.executable, "-m", "infra.manifests.zenml_jobs", str(config), "--stack", str(STACK)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "steps.train_user_embeder.setings: did you mean 'settings'?" in done.stderr


def test_a_step_that_is_none_is_named(tmp_path: Path) -> None:
    config = tmp_path / "run.yaml"
    document = yaml.safe_load(CONFIG.read_text())
    document["steps"] = {"train_user_embeder": {}}
    config.write_text(yaml.safe_dump(document))
    with pytest.raises(ValueError, match=r"steps \['train_user_embeder'\]: the pipeline has"):
        render_zenml_jobs(config)
