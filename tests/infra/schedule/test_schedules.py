"""ZenML's record and the cluster's CronJob stay together, whatever fails in between."""

from datetime import UTC, datetime

import pytest
from kubernetes import client as kubernetes
from zenml.client import Client
from zenml.orchestrators import PipelineSubmissionError

from infra.schedule.describe import describe_cron_job, list_troubles
from infra.schedule.schedules import Schedules
from tests.infra.schedule.conftest import SPACE, counted

pytestmark = pytest.mark.slow
NAME, CRON = "weekly", "0 3 * * 1"


@pytest.fixture
def made(schedules, write_config):
    return schedules.create(NAME, write_config(), CRON)


@pytest.fixture
def state(schedules, batch):
    """What there is: schedules with their state, and CronJobs with theirs."""

    def read():
        records = [(one.name, one.cron_expression, one.active) for one in schedules.list_records()]
        jobs = batch.list_namespaced_cron_job(SPACE).items
        return records, [(one.spec.schedule, not one.spec.suspend) for one in jobs]

    return read


def delete_cron_job(batch, known):
    batch.delete_namespaced_cron_job(known.cron_job_name, SPACE)


def let_run(double, known):
    """Let the CronJob have a Job that isn't over, as its controller says so."""
    running = [{"name": f"{known.cron_job_name}-1", "namespace": SPACE}]
    double.store.write_status(
        known.cron_job.to_dict() | {"kind": "CronJob"},
        {"active": running, "lastScheduleTime": "2026-11-30T03:00:00Z"},
    )


def test_a_dynamic_pipelines_schedule_is_a_cron_job_of_the_snapshot(made, state):
    assert state() == ([(NAME, CRON, True)], [(CRON, True)])
    spec = made.cron_job.spec
    assert (spec.concurrency_policy, spec.starting_deadline_seconds) == ("Forbid", 3600)
    assert spec.time_zone == "Etc/UTC"
    [container] = spec.job_template.spec.template.spec.containers
    snapshot = container.args[container.args.index("--snapshot_id") + 1]
    assert Client().get_snapshot(snapshot).is_dynamic
    assert made.schedule.id == Client().get_snapshot(snapshot).schedule.id


def test_a_second_schedule_of_a_name_is_refused(schedules, made, write_config, state):
    with pytest.raises(ValueError, match="there is a schedule 'weekly' already: `change`"):
        schedules.create(NAME, write_config(), "0 4 * * 1")
    assert state() == ([(NAME, CRON, True)], [(CRON, True)])


def test_a_new_cron_changes_the_cron_job_and_nothing_else(schedules, made, state):
    changed = schedules.change_cron(NAME, "30 4 * * *")
    assert state() == ([(NAME, "30 4 * * *", True)], [("30 4 * * *", True)])
    assert changed.cron_job.spec.job_template == made.cron_job.spec.job_template


def test_pausing_and_resuming_can_be_repeated(schedules, made, state):
    for is_active in (False, False, True, True):
        schedules.set_active(NAME, is_active)
        assert state() == ([(NAME, CRON, is_active)], [(CRON, is_active)])


@pytest.mark.parametrize("is_active", [True, False])
def test_a_new_image_takes_the_old_ones_place(schedules, made, write_config, state, is_active):
    schedules.set_active(NAME, is_active)
    new = schedules.replace(NAME, write_config("registry.example.com/train:2"), None, False)
    assert state() == ([(NAME, CRON, is_active)], [(CRON, is_active)])
    assert "registry.example.com/train:2" in "\n".join(describe_cron_job(new.cron_job))
    assert new.cron_job_name != made.cron_job_name


def test_a_new_schedule_that_is_refused_leaves_the_old_one_as_it_was(
    schedules, made, write_config, state, monkeypatch
):
    def refuse(*_, **__):
        raise kubernetes.ApiException(status=403, reason="Forbidden")

    before = state()
    with monkeypatch.context() as patch:
        patch.setattr(kubernetes.BatchV1Api, "create_namespaced_cron_job", refuse)
        with pytest.raises(PipelineSubmissionError, match="Forbidden"):
            schedules.replace(NAME, write_config(), "0 4 * * *", False)
    assert state() == before
    assert schedules.require(NAME).cron_job_name == made.cron_job_name


@pytest.mark.parametrize("is_active", [True, False])
@pytest.mark.parametrize("done", ["_rename", "_set_active", "_submit"])
def test_a_change_that_was_cut_off_is_ended_by_the_next(
    schedules, made, write_config, state, is_active, done
):
    schedules.set_active(NAME, is_active)
    cut_off_after(schedules, done, write_config)
    with pytest.raises(ValueError, match="there is a schedule 'weekly"):
        schedules.create(NAME, write_config(), CRON)
    told = [trouble for known in schedules.list_all() for trouble in list_troubles(known)]
    assert told == [
        "a change was cut off while this one was aside: `change --config` or `remove` ends it"
    ]
    schedules.replace(NAME, write_config(), None, False)
    assert state() == ([(NAME, CRON, is_active)], [(CRON, is_active)])
    cut_off_after(schedules, done, write_config)
    schedules.remove(NAME, False)
    assert state() == ([], [])


def cut_off_after(schedules, done, write_config):
    """Begin a change that is killed after something: nothing is put in order."""

    class KilledError(BaseException):
        pass

    def act_and_die(*arguments):
        act(*arguments)
        raise KilledError

    act = getattr(schedules, done)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(schedules, done, act_and_die)
        finish = schedules._finish_change
        ends = iter([finish, lambda _: None])  # at the beginning, and not after
        patch.setattr(schedules, "_finish_change", lambda name: next(ends)(name))
        schedules.replace(NAME, write_config(), None, False)


@pytest.mark.parametrize("is_active", [True, False])
def test_a_change_that_cannot_begin_changes_nothing(
    schedules, made, write_config, state, monkeypatch, is_active
):
    def refuse(*_, **__):
        raise RuntimeError("ZenML's server is gone")

    schedules.set_active(NAME, is_active)
    before = state()
    with monkeypatch.context() as patch:
        patch.setattr(schedules, "_rename", refuse)
        with pytest.raises(RuntimeError, match="is gone"):
            schedules.replace(NAME, write_config(), None, False)
    assert state() == before


@pytest.mark.parametrize("is_active", [True, False])
def test_a_record_that_the_cluster_never_heard_of_is_no_schedule(
    schedules, made, write_config, state, batch, is_active
):
    schedules.set_active(NAME, is_active)
    cut_off_after(schedules, "_submit", write_config)
    delete_cron_job(batch, schedules.require(NAME))
    schedules._finish_change(NAME)
    assert state() == ([(NAME, CRON, is_active)], [(CRON, is_active)])
    assert schedules.require(NAME).cron_job_name == made.cron_job_name


def test_a_submission_that_fails_before_the_cluster_leaves_no_record(
    schedules, write_config, state, monkeypatch
):
    def fail(*_, **__):
        raise RuntimeError("no such registry")

    monkeypatch.setattr("zenml.stack.Stack.prepare_pipeline_submission", fail)
    with pytest.raises(RuntimeError, match="no such registry"):
        schedules.create(NAME, write_config(), CRON)
    assert state() == ([], [])


def test_removing_takes_both_away(schedules, made, state):
    schedules.remove(NAME, False)
    assert state() == ([], [])
    with pytest.raises(ValueError, match=r"no schedule 'weekly'; there are none: `create`"):
        schedules.remove(NAME, False)


def test_of_a_cron_job_that_is_gone_the_schedule_can_be_removed_or_made_anew(
    schedules, made, write_config, batch, state
):
    delete_cron_job(batch, made)
    [trouble] = list_troubles(schedules.require(NAME))
    assert trouble.startswith(f"the CronJob {made.cron_job_name} is gone, nothing runs")
    with pytest.raises(ValueError, match="is gone from namespace persona-plug-schedules"):
        schedules.set_active(NAME, False)
    with pytest.raises(ValueError, match="is gone from namespace"):
        schedules.change_cron(NAME, "0 4 * * *")
    made = schedules.replace(NAME, write_config(), None, False)
    assert state() == ([(NAME, CRON, True)], [(CRON, True)])
    delete_cron_job(batch, made)
    schedules.remove(NAME, False)
    assert state() == ([], [])


def test_a_cron_job_that_no_schedule_has_is_not_joined_by_another(
    schedules, made, write_config, state
):
    Client().zen_store.delete_schedule(made.schedule.id)
    assert [one.metadata.name for one in schedules.list_orphans()] == [made.cron_job_name]
    with pytest.raises(ValueError, match=f"{made.cron_job_name}.*no schedule of this ZenML"):
        schedules.create(NAME, write_config(), CRON)
    assert state() == ([], [(CRON, True)])


def test_a_cron_job_that_somebody_edited_is_told(schedules, made, batch, write_config):
    edit = {"spec": {"schedule": "0 0 * * *", "suspend": True, "timeZone": None}}
    batch.patch_namespaced_cron_job(made.cron_job_name, SPACE, edit)
    cron, zone, suspended = list_troubles(schedules.require(NAME))
    assert cron.startswith("the CronJob's cron is '0 0 * * *', ZenML's '0 3 * * 1'")
    assert zone.startswith("the CronJob's time zone is that of its controller, not Etc/UTC")
    assert suspended.startswith("the CronJob is suspended, ZenML's record isn't")
    schedules.set_active(NAME, True)
    schedules.change_cron(NAME, CRON)
    assert len(list(list_troubles(schedules.require(NAME)))) == 1  # an older code's, or an edit
    schedules.replace(NAME, write_config(), None, False)
    assert list(list_troubles(schedules.require(NAME))) == []


def test_a_run_under_way_is_not_made_to_fail_unasked(schedules, made, write_config, double, state):
    let_run(double, made)
    lines = list(describe_cron_job(schedules.require(NAME).cron_job))
    assert f"running       {made.cron_job_name}-1" in lines
    assert f"last begun    {datetime(2026, 11, 30, 3, tzinfo=UTC)}" in lines
    for do in (
        lambda: schedules.set_active(NAME, False),
        lambda: schedules.replace(NAME, write_config(), None, False),
        lambda: schedules.remove(NAME, False),
    ):
        with pytest.raises(ValueError, match=r"has a run under way .*Wait until it is over"):
            do()
    assert state() == ([(NAME, CRON, True)], [(CRON, True)])
    schedules.change_cron(NAME, "0 4 * * *")
    schedules.remove(NAME, True)
    assert state() == ([], [])


def test_a_local_stack_has_no_schedules(double, zenml_home):
    client = Client()
    before = client.root
    client.activate_root(zenml_home)
    with pytest.raises(ValueError, match="has a local orchestrator, which has no schedules"):
        Schedules(counted)
    client.activate_root(before)


def test_without_zenmls_server_nothing_is_begun(schedules, write_config, monkeypatch, state):
    monkeypatch.setattr("zenml.stack.Stack.requires_remote_server", True)
    with pytest.raises(ValueError, match="needs a remote ZenML server"):
        schedules.create(NAME, write_config(), CRON)
    assert state() == ([], [])
