"""A cluster without nodes (the double), and a small pipeline that is scheduled there."""

from typing import Annotated

import pytest
import yaml
from kubernetes import client as kubernetes
from kubernetes import config as kubernetes_config
from zenml import pipeline, step

from infra.manifests.run_settings import ORCHESTRATOR
from infra.schedule.schedules import Schedules
from tests.cluster.double.api import ApiDouble
from tests.cluster.scheduling import CONFIG, activate_scheduling_stack, forget_schedules

SPACE = "persona-plug-schedules"


@step
def count() -> Annotated[int, "number"]:
    return 1


@pipeline(dynamic=True)
def counted() -> None:
    if count().load():
        count()


@pytest.fixture(scope="package")
def double(zenml_home, tmp_path_factory):
    """The cluster; ZenML's stack for it is active. Registering one takes seconds."""
    folder = tmp_path_factory.mktemp("schedules")
    with ApiDouble() as double, pytest.MonkeyPatch.context() as patch:
        place = str(double.write_kubeconfig(folder / "kubeconfig"))
        patch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", place)
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}
        double.store.update(space, "", "me")
        with activate_scheduling_stack(folder, SPACE, "double", patch):
            yield double


@pytest.fixture
def schedules(double, batch):
    """The small pipeline's; there are none."""
    yield Schedules(counted)
    forget_schedules()
    for cron_job in batch.list_namespaced_cron_job(SPACE).items:
        batch.delete_namespaced_cron_job(cron_job.metadata.name, SPACE)


@pytest.fixture
def batch(double):
    return kubernetes.BatchV1Api(kubernetes_config.new_client_from_config())


@pytest.fixture
def write_config(tmp_path):
    """Write a run's YAML as the one that ships, for the small pipeline."""

    def write(image="registry.example.com/train:1", **changes):
        document = yaml.safe_load(CONFIG.read_text("utf-8"))
        kept = {key: document["settings"][key] for key in ("docker", ORCHESTRATOR)}
        kept["docker"]["parent_image"] = image
        kept[ORCHESTRATOR] |= changes
        path = tmp_path / "run.yaml"
        path.write_text(yaml.safe_dump({"settings": kept}))
        return path

    return write
