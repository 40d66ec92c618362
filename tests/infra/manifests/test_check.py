"""The command as a whole, and what it says of ZenML's objects, by stand-ins for them."""

import copy

import pytest

from infra.manifests import check
from infra.manifests.check import CLUSTERS, build_world, check_cluster, describe, main, needs_gpu
from infra.manifests.objects import name_of
from infra.manifests.table import BEGIN, END
from tests.infra.manifests.good_objects import CONTAINER, DEPLOYMENT

KIND, GPU = CLUSTERS


def make_step(name, *, account="persona-plug-step", has_gpu=False):
    """Return a step's Job as ZenML would submit it."""
    container = copy.deepcopy(CONTAINER) | {"env": [], "envFrom": []}
    if has_gpu:
        container["resources"]["limits"]["nvidia.com/gpu"] = "1"
    spec = copy.deepcopy(DEPLOYMENT["spec"]["template"]["spec"])
    spec |= {
        "serviceAccountName": account,
        "restartPolicy": "Never",
        "containers": [container],
        "volumes": [],
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
    }
    labels = {"app.kubernetes.io/name": account, "step_name": name}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name.replace("_", "-"), "namespace": "persona-plug"},
        "spec": {"template": {"metadata": {"labels": labels}, "spec": spec}},
    }


PIPELINE = [
    make_step("run_pipeline", account="persona-plug-pipeline"),
    make_step("load_histories"),
    make_step("train_user_embedder", has_gpu=True),
]


def find_wrong(cluster, pipeline):
    return list(describe(list(check_cluster(cluster, pipeline))))


@pytest.fixture
def document(monkeypatch, tmp_path):
    """A document in place of ours, and stand-ins in place of what ZenML's own code renders."""
    document = tmp_path / "operations.md"
    document.write_text(f"{BEGIN}\n{END}")
    monkeypatch.setattr(check, "DOCUMENT", document)
    monkeypatch.setattr(check, "render_pipeline", lambda: PIPELINE)
    return document


@pytest.mark.slow  # ZenML's own code renders the pipeline
@pytest.mark.usefixtures("kubectl")
def test_the_manifests_and_the_documents_table_are_right():
    main([])


@pytest.mark.usefixtures("kubectl")
def test_another_table_in_the_document_is_an_error(document):
    with pytest.raises(SystemExit, match="has another table"):
        main([])
    main(["--write"])
    main([])
    assert "| Job/train-user-embedder | kind, gpu | 1.34 to 1.36 |" in document.read_text()


@pytest.mark.usefixtures("kubectl")
@pytest.mark.parametrize("cluster", CLUSTERS, ids=lambda one: one.name)
def test_steps_that_are_right(cluster):
    assert find_wrong(cluster, PIPELINE) == []


@pytest.mark.usefixtures("kubectl")
def test_steps_have_gpus_where_they_compute_and_only_there():
    wrong = find_wrong(
        KIND, [*PIPELINE, make_step("encode_histories"), make_step("x", has_gpu=True)]
    )
    path = "spec.template.spec.containers[0].resources.limits.nvidia.com/gpu"
    assert wrong == [
        f"rendered (overlay kind): Job/encode-histories: {path}: is missing",
        f"rendered (overlay kind): Job/x: {path}: nothing here needs a GPU",
    ]


@pytest.mark.usefixtures("kubectl")
def test_policies_for_pods_that_the_pipeline_does_not_have_are_found():
    wrong = find_wrong(KIND, PIPELINE[1:])
    assert len(wrong) >= 3
    assert all("NetworkPolicy/" in one and "persona-plug-pipeline" in one for one in wrong)


@pytest.mark.usefixtures("kubectl")
def test_what_is_wrong_is_named_by_file_object_and_field(monkeypatch, document):
    rendered = check.render

    def render_latest(folder):
        objects = rendered(folder)
        for one in objects:
            if name_of(one) == "Deployment/mlflow":
                one["spec"]["template"]["spec"]["containers"][0]["image"] = "mlflow:latest"
        return objects

    monkeypatch.setattr(check, "render", render_latest)
    wrong = find_wrong(KIND, ())
    assert wrong == [
        "infra/kubernetes/base/mlflow.yaml (overlay kind): Deployment/mlflow: "
        "spec.template.spec.containers[0].image: must not be latest: it would change by itself"
    ]
    with pytest.raises(SystemExit) as error:
        main(["--write"])
    assert wrong[0] in str(error.value)
    assert (
        "| Deployment/mlflow | kind, gpu | see below | see below | WRONG |" in document.read_text()
    )


@pytest.mark.usefixtures("kubectl")
def test_gpus_for_what_is_not_there_are_an_error():
    with pytest.raises(ValueError, match=r"kind: \['Deployment/x'\] should have GPUs"):
        list(check_cluster(KIND._replace(gpu_owners=frozenset({"Deployment/x"})), ()))


@pytest.mark.usefixtures("kubectl")
def test_a_world_holds_both_namespaces_and_a_job_of_the_batch():
    names = {name_of(one) for one in build_world(GPU, ()).objects}
    assert {"Namespace/persona-plug", "Namespace/zenml", "Job/persona-plug-batch-v1"} <= names


@pytest.mark.parametrize(
    ("step", "is_wanted"),
    [
        ("encode_histories", True),
        ("train_user_embedder", True),
        ("evaluate_incumbents", True),
        ("check_promotion", False),
        ("", False),
    ],
)
def test_which_steps_compute_on_gpus(step, is_wanted):
    assert needs_gpu(make_step(step)) == is_wanted
