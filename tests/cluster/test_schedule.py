"""A schedule on a real cluster, from its making to its end. None of these needs running pods.

ZenML's server is not needed either (tests/cluster/scheduling.py). What fails in between is tested
without a cluster, against the double, in tests/infra/schedule.
"""

import pytest
import yaml
from kubernetes import client as kubernetes
from kubernetes.config import list_kube_config_contexts
from zenml.client import Client
from zenml.enums import StepRuntime

from infra.manifests.zenml_jobs import STACK
from infra.schedule.__main__ import PIPELINE, main
from infra.stacks.names import read_names
from tests.cluster.conftest import CONTEXT
from tests.cluster.scheduling import CONFIG, activate_scheduling_stack, forget_schedules

pytestmark = pytest.mark.cluster
CRON = "0 3 * * 1"
TOKEN = "ZENML_STORE_API_TOKEN"


@pytest.fixture
def list_cron_jobs(cluster, zenml_home, tmp_path, monkeypatch):
    """Lists the CronJobs of the test's namespace, where the active stack makes its own."""
    context = CONTEXT or list_kube_config_contexts()[1]["name"]
    api = kubernetes.BatchV1Api(cluster._api)
    with activate_scheduling_stack(tmp_path, cluster.namespace, context, monkeypatch):
        yield lambda: api.list_namespaced_cron_job(cluster.namespace).items
        forget_schedules()


def test_create_change_pause_resume_remove(cluster, list_cron_jobs, tmp_path, capsys):
    """Needs no pods."""
    main(["create", "--config", str(CONFIG), "--cron", CRON])
    [made] = list_cron_jobs()
    check_cron_job(made)
    check_token(cluster, made)
    with pytest.raises(SystemExit, match=f"there is a schedule '{PIPELINE.name}' already"):
        main(["create", "--config", str(CONFIG)])
    for cron in ("0 3 * * 7", "* * 5-1 * *", "0 22-2 * * *", "TZ=Etc/UTC 0 3 * * 1"):
        with pytest.raises(kubernetes.ApiException) as refused:  # as `check_cron` foresees
            kubernetes.BatchV1Api(cluster._api).patch_namespaced_cron_job(
                made.metadata.name, cluster.namespace, {"spec": {"schedule": cron}}
            )
        assert refused.value.status == 422

    main(["change", "--cron", "30 4 * * *"])
    [changed] = list_cron_jobs()
    assert (changed.metadata.uid, changed.spec.schedule) == (made.metadata.uid, "30 4 * * *")

    main(["pause"])
    [paused] = list_cron_jobs()
    assert paused.spec.suspend is True
    main(["resume"])
    [resumed] = list_cron_jobs()
    assert not resumed.spec.suspend

    document = yaml.safe_load(CONFIG.read_text("utf-8"))
    document["settings"]["docker"]["parent_image"] = "registry.example.com/train:2"
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump(document))
    main(["change", "--config", str(config)])
    [new] = list_cron_jobs()
    assert new.metadata.uid != made.metadata.uid
    assert (new.spec.schedule, new.spec.time_zone) == ("30 4 * * *", "Etc/UTC")
    assert main_container(new).image == "registry.example.com/train:2"

    capsys.readouterr()
    main(["show"])
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert shown["schedule"] == PIPELINE.name
    assert shown["CronJob"] == f"{cluster.namespace}/{new.metadata.name}"
    assert shown["image"] == "registry.example.com/train:2"

    main(["remove"])
    assert list_cron_jobs() == []
    capsys.readouterr()
    main(["show"])
    assert capsys.readouterr().out == f"{PIPELINE.name} has no schedule on this stack\n"


def check_cron_job(cron_job):
    """It is as configs/kubernetes.yaml and infra/stacks/kubernetes.yaml say."""
    spec, pod = cron_job.spec, cron_job.spec.job_template.spec.template
    document = yaml.safe_load(CONFIG.read_text("utf-8"))["settings"]
    settings = document["orchestrator.kubernetes"]
    assert (spec.schedule, spec.time_zone) == (CRON, "Etc/UTC")
    assert spec.concurrency_policy == settings["concurrency_policy"] == "Forbid"
    assert spec.starting_deadline_seconds == settings["starting_deadline_seconds"] == 3600
    assert pod.spec.service_account_name == read_names(STACK).cluster.pipeline_account
    assert main_container(cron_job).image == document["docker"]["parent_image"]
    assert pod.metadata.labels["pipeline"] == PIPELINE.name
    arguments = main_container(cron_job).args
    snapshot = Client().get_snapshot(arguments[arguments.index("--snapshot_id") + 1])
    assert snapshot.is_dynamic
    runtimes = {one.config.runtime for one in snapshot.step_configurations.values()}
    assert runtimes == {StepRuntime.ISOLATED}  # pods of their own, with GPUs and secrets


def check_token(cluster, cron_job):
    """The token of ZenML's server is in a Secret, and nowhere else."""
    [token] = [one for one in main_container(cron_job).env if one.name == TOKEN]
    assert token.value is None
    reference = token.value_from.secret_key_ref
    secret = cluster._core.read_namespaced_secret(reference.name, cluster.namespace)
    assert secret.data[reference.key]
    assert "rendered" not in str(cron_job)


def main_container(cron_job):
    [container] = cron_job.spec.job_template.spec.template.spec.containers
    return container
