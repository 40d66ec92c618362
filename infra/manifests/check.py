"""Check all Kubernetes manifests, ours and ZenML's: `make check-manifests`.

    python -m infra.manifests.check [--write]

renders them by kubectl, checks each object and prints what is proven. Exit code 1 names file,
object and field of what is wrong, or says that docs/operations.md has another table; `--write`
puts it there.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from components.deployment.batch_job import make_batch_job
from components.deployment.manifests import render
from components.deployment.release import BATCH, GATEWAY
from infra.manifests.findings import Findings, check_world, list_missing_gpus
from infra.manifests.objects import Object, find_pod, name_of
from infra.manifests.render import KUBERNETES, find_files
from infra.manifests.secrets_to_make import read_secrets
from infra.manifests.table import is_current, make_rows, make_table, write_table
from infra.manifests.world import World
from infra.manifests.zenml_jobs import render_zenml_jobs

REPOSITORY = KUBERNETES.parents[1]
DOCUMENT = REPOSITORY / "docs" / "operations.md"
MODEL_VERSION = "v1"
GPU_STEPS = ("encode_", "train_", "evaluate_")
"""How the names of the steps begin that compute on GPUs."""
KUBE_DNS = ("kube-system", {"k8s-app": "kube-dns"})
ZENML_SERVER = ("zenml", {"app.kubernetes.io/name": "zenml"})
PIPELINE = tuple(
    ("persona-plug", {"app.kubernetes.io/name": name})
    for name in ("persona-plug-pipeline", "persona-plug-step")
)
NOT_RUN = (
    "zenml-server/values.yaml by ZenML's chart (no helm here)",
    "admission, scheduling, probes, NetworkPolicies and autoscaling on a cluster",
    "pulling the images",
)


class Cluster(NamedTuple):
    """One way to run it all.

    Attributes:
        name: Of the overlay.
        gpu_owners: What has GPUs there.
    """

    name: str
    gpu_owners: frozenset[str]


CLUSTERS = (
    Cluster("kind", frozenset()),
    Cluster(
        "gpu",
        frozenset({GATEWAY, BATCH, f"Job/persona-plug-batch-{MODEL_VERSION}"}),
    ),
)


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help="put the table into the document")
    given = parser.parse_args(arguments)
    try:
        pipeline = render_pipeline()
        checked = [one for cluster in CLUSTERS for one in check_cluster(cluster, pipeline)]
    except ValueError as err:
        sys.exit(str(err))
    table = make_table(make_rows(checked, NOT_RUN))
    sys.stdout.write(table + "\n")
    if given.write:
        write_table(DOCUMENT, table)
    wrong = list(describe(checked))
    if not is_current(DOCUMENT, table):
        wrong.append(f"docs/{DOCUMENT.name} has another table; --write puts this one there")
    if wrong:
        sys.exit("\n".join(wrong))


def check_cluster(cluster: Cluster, pipeline: Sequence[Object]) -> Iterator[tuple[str, Findings]]:
    """Check all that is in a cluster, and yield what was found beside the overlay's name.

    Args:
        cluster: Which.
        pipeline: What ZenML submits there.

    Raises:
        ValueError: If the manifests can't be rendered, or nothing of a name has the GPUs.
    """
    world = build_world(cluster, pipeline)
    gpu_owners = cluster.gpu_owners | {name_of(one) for one in pipeline if needs_gpu(one)}
    if missing := list_missing_gpus(world, gpu_owners):
        raise ValueError(f"{cluster.name}: {missing} should have GPUs and are not there")
    secrets = [one for one in read_secrets() if cluster.name in one.overlays]
    for findings in check_world(world, secrets, gpu_owners):
        yield cluster.name, findings


def build_world(cluster: Cluster, pipeline: Sequence[Object]) -> World:
    """Return all objects of a cluster: ours, ZenML's, and a Job of the batch."""
    ours = render(KUBERNETES / "overlays" / cluster.name)
    batch = [make_batch_job(one, MODEL_VERSION) for one in ours if name_of(one) == BATCH]
    elsewhere = (KUBE_DNS, ZENML_SERVER, *(() if pipeline else PIPELINE))
    return World([*ours, *batch, *pipeline], elsewhere)


def render_pipeline() -> list[Object]:
    """Return what ZenML would submit of a retraining and of a training."""
    return render_zenml_jobs(REPOSITORY / "configs" / "kubernetes.yaml")


def needs_gpu(thing: Object) -> bool:
    """Tell whether an object of ZenML's is the Job of a step that computes on a GPU."""
    pod = find_pod(thing)
    step = "" if pod is None else pod.labels.get("step_name", "")
    return step.startswith(GPU_STEPS)


def describe(checked: Sequence[tuple[str, Findings]]) -> Iterator[str]:
    """Yield one line for each thing that is wrong: files, object, field, what is the matter."""
    files = find_files()
    for cluster, findings in checked:
        name = name_of(findings.thing)
        places = ", ".join(_shorten(path) for path in files.get(name, ())) or "rendered"
        for field, message in findings.violations:
            yield f"{places} (overlay {cluster}): {name}: {field}: {message}"


def _shorten(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


if __name__ == "__main__":
    main()
