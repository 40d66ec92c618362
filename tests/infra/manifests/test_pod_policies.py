import pytest

from infra.manifests.pod_policies import check_pod, looks_secret, shows_run_token
from tests.infra.manifests.good_objects import make_pod

FIRST = "spec.template.spec.containers[0]"


def fields(pod, accounts=None, gpu_owners=()):
    return [one.field for one in check_pod(pod, accounts or {}, gpu_owners)]


def test_a_good_pod_follows_the_policies():
    pod, _ = make_pod()
    assert fields(pod) == []


@pytest.mark.parametrize(
    ("kind", "name"), [("requests", "cpu"), ("requests", "memory"), ("limits", "memory")]
)
def test_resources(kind, name):
    pod, spec = make_pod()
    del spec["containers"][0]["resources"][kind][name]
    assert fields(pod) == [f"{FIRST}.resources.{kind}.{name}"]


def test_resources_of_init_containers_too():
    pod, spec = make_pod()
    spec["initContainers"] = [{**spec["containers"][0], "resources": {}}]
    assert len(fields(pod)) == 3


@pytest.mark.parametrize(
    ("image", "is_fixed"),
    [
        ("web", False),
        ("web:latest", False),
        ("registry.example.com:5000/web", False),
        ("registry.example.com:5000/web:latest", False),
        ("web:", False),
        ("", False),
        ("registry.example.com:5000/web:1.2", True),
        ("web@sha256:" + "a" * 64, True),
        ("web:1.2@sha256:" + "a" * 64, True),
        ("web@sha256:abc", False),
        ("web:latest@sha256:" + "a" * 64, False),
    ],
)
def test_images_have_a_tag_or_a_digest(image, is_fixed):
    pod, spec = make_pod()
    spec["containers"][0]["image"] = image
    assert fields(pod) == ([] if is_fixed else [f"{FIRST}.image"])


@pytest.mark.parametrize(
    ("name", "value", "is_secret"),
    [
        ("PGPASSWORD", "hunter2", True),
        ("PERSONA_PLUG_MASTER_KEY", "ab" * 32, True),
        ("AWS_ACCESS_KEY_ID", "AKIA1", True),
        ("ZENML_STORE_API_TOKEN", "eyJ", True),
        ("PLACE", "postgresql://user:hunter2@host/database", True),
        ("PLACE", "postgresql://user@host:5432/database", False),
        ("PERSONA_PLUG_KEYS", "postgresql://user@host/keys", False),
        ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "true", False),
        ("PGPASSWORD", "", False),
        ("MONKEY", "banana", False),
        ("ZENML_SECRETS_STORE_TYPE", "sql", False),
        ("api-key", "abc", True),
        ("MAX_NEW_TOKENS", "64", False),
    ],
)
def test_what_looks_like_a_secret(name, value, is_secret):
    assert looks_secret(name, value) == is_secret


def test_secrets_do_not_stand_in_variables_nor_arguments():
    pod, spec = make_pod()
    spec["containers"][0]["env"].append({"name": "API_TOKEN", "value": "abc"})
    spec["containers"][0]["args"] = ["--store", "postgresql://user:hunter2@host/database"]
    assert fields(pod) == [f"{FIRST}.env[2].value", f"{FIRST}.args[1]"]


def test_only_an_isolated_steps_token_is_let_pass():
    pod, spec = make_pod()
    spec["containers"][0]["env"].append({"name": "ZENML_STORE_API_TOKEN", "value": "abc"})
    assert fields(pod) == [f"{FIRST}.env[2].value"]
    assert not shows_run_token(pod)
    pod.metadata["labels"]["step_run_id"] = "0"
    assert fields(pod) == []
    assert shows_run_token(pod)


@pytest.mark.parametrize("probe", ["startupProbe", "readinessProbe", "livenessProbe"])
def test_what_runs_long_is_probed(probe):
    pod, spec = make_pod()
    del spec["containers"][0][probe]
    assert fields(pod) == [f"{FIRST}.{probe}"]
    pod.owner["kind"] = "Job"
    assert fields(pod) == []


def test_the_root_file_system_is_read_only():
    pod, spec = make_pod()
    del spec["containers"][0]["securityContext"]["readOnlyRootFilesystem"]
    assert fields(pod) == [f"{FIRST}.securityContext.readOnlyRootFilesystem"]


def test_tokens_are_mounted_only_where_named():
    pod, spec = make_pod()
    token = ["spec.template.spec.automountServiceAccountToken"]
    spec["automountServiceAccountToken"] = True
    assert fields(pod) == token
    del spec["automountServiceAccountToken"]
    assert fields(pod) == token  # the default is to mount it
    assert fields(pod, {"web": {"automountServiceAccountToken": False}}) == []
    assert fields(pod, {"web": {"automountServiceAccountToken": True}}) == token
    spec["serviceAccountName"] = "persona-plug-pipeline"
    assert fields(pod) == []


def test_gpus_are_where_and_only_where_they_belong():
    pod, spec = make_pod()
    resources = spec["containers"][0]["resources"]
    gpu = f"{FIRST}.resources.limits.nvidia.com/gpu"
    assert fields(pod, gpu_owners=["Deployment/web"]) == [gpu]
    resources["limits"]["nvidia.com/gpu"] = "1"
    spec["tolerations"] = [{"key": "nvidia.com/gpu", "operator": "Exists"}]
    assert fields(pod, gpu_owners=["Deployment/web"]) == []
    assert fields(pod) == [gpu]
    resources["requests"]["nvidia.com/gpu"] = "2"
    assert fields(pod, gpu_owners=["Deployment/web"]) == [gpu]


def test_a_gpu_without_toleration_would_never_be_scheduled():
    pod, spec = make_pod()
    spec["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] = 1
    assert fields(pod, gpu_owners=["Deployment/web"]) == ["spec.template.spec.tolerations"]
