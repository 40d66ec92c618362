import pytest

from infra.schedule import __main__ as command
from tests.infra.schedule.conftest import SPACE, counted


@pytest.fixture
def run(schedules, monkeypatch, capsys):
    """Run the command for the small pipeline; returns what it printed."""
    monkeypatch.setattr(command, "PIPELINE", counted)

    def run(*arguments):
        command.main(list(arguments))
        return capsys.readouterr().out

    return run


def test_the_command_says_what_it_did(run, write_config, schedules):
    assert run("show") == "counted has no schedule on this stack\n"
    config = str(write_config())
    made = run("create", "--config", config)
    name = schedules.require("counted").cron_job_name
    assert made == f"created: counted, '0 3 * * 1', CronJob {name}\n"
    shown = run("show").splitlines()
    assert shown[:3] == ["schedule      counted", "state         active", "cron          0 3 * * 1"]
    assert f"CronJob       {SPACE}/{name}" in shown
    assert "concurrency   Forbid" in shown
    assert "begins within 3600 s" in shown
    assert run("pause") == f"paused: counted, '0 3 * * 1', paused, CronJob {name}\n"
    assert "state         paused" in run("show")
    assert run("change", "--config", config).startswith("made anew: counted, '0 3 * * 1', paused,")
    name = schedules.require("counted").cron_job_name
    assert run("resume").startswith("resumed: counted")
    assert (
        run("change", "--cron", "0 4 * * *") == f"changed: counted, '0 4 * * *', CronJob {name}\n"
    )
    assert run("change", "--config", config).startswith("made anew: counted, '0 4 * * *'")
    assert run("remove") == "removed the schedule counted and its CronJob\n"


def test_what_is_wrong_is_shown_with_exit_code_1(run, write_config, schedules, batch, capsys):
    run("create", "--config", str(write_config()))
    made = schedules.require("counted")
    batch.delete_namespaced_cron_job(made.cron_job_name, SPACE)
    with pytest.raises(SystemExit, match=f"counted: the CronJob {made.cron_job_name} is gone"):
        run("show")
    assert "state         active" in capsys.readouterr().out


def test_without_the_cluster_what_zenml_knows_is_shown(run, write_config, double, capsys):
    run("create", "--config", str(write_config()))
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as told:
        patch.setattr(double.store, "get", refuse)
        run("show")
    assert str(told.value).startswith("the cluster refuses: HTTP 403 Forbidden")
    assert "cron          0 3 * * 1" in capsys.readouterr().out


def refuse(*_):
    from tests.cluster.double.store import RefusedError

    raise RefusedError(403, "Forbidden", "cronjobs is forbidden")


def test_a_change_of_nothing_is_refused(capsys):
    with pytest.raises(SystemExit):
        command.main(["change"])
    assert "expected --cron, --config or both" in capsys.readouterr().err


def test_an_error_is_one_message(run, zenml_home, write_config):
    with pytest.raises(SystemExit, match="counted has no schedule 'monthly'; there are none"):
        run("pause", "--name", "monthly")
    with pytest.raises(SystemExit, match="cron 'weekly': got 1 fields; expected five fields"):
        run("create", "--config", str(write_config()), "--cron", "weekly")
