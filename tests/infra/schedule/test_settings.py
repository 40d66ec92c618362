from datetime import UTC, datetime

import pytest

from infra.schedule.settings import check_config, check_cron, list_next_runs
from tests.cluster.scheduling import CONFIG


def test_the_next_runs_are_those_of_the_cron():
    sunday = datetime(2026, 11, 29, 12, tzinfo=UTC)
    runs = list_next_runs("0 3 * * 1", 2, sunday)
    assert runs == [datetime(2026, 11, 30, 3, tzinfo=UTC), datetime(2026, 12, 7, 3, tzinfo=UTC)]


def test_a_cron_is_five_fields():
    assert check_cron(" 0  3 * * 1 ") == "0 3 * * 1"
    assert check_cron("*/15 0-6 1,15 JAN-MAR MON") == "*/15 0-6 1,15 JAN-MAR MON"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("0 0 3 * * 1", "got 6 fields"),  # with seconds, as others read it
        ("@weekly", "got 1 fields"),
        ("0 25 * * 1", "25"),
        ("0 3 * * monday", "monday"),
        ("0 3 31 2 *", "never due within 5 years"),
        ("0 3 * * L5", "L5"),
        ("TZ=UTC 0 3 * * 1", "got 6 fields"),
    ],
)
def test_what_is_no_cron_of_kubernetes_is_refused(expression, reason):
    with pytest.raises(ValueError, match=f"cron '.*': .*{reason}.*; expected five fields"):
        check_cron(expression)


def test_the_yaml_that_ships_can_be_scheduled():
    check_config(CONFIG)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"concurrency_policy": "Allow"}, "concurrency_policy: got 'Allow', expected 'Forbid'"),
        ({"starting_deadline_seconds": None}, "starting_deadline_seconds: got None, expected 10"),
        ({"starting_deadline_seconds": 9}, "starting_deadline_seconds: got 9, expected 10"),
        ({"concurency_policy": "Forbid"}, "did you mean 'concurrency_policy'"),
    ],
)
def test_a_yaml_by_which_runs_could_meet_or_pile_up_is_refused(write_config, changes, message):
    with pytest.raises(ValueError, match=message):
        check_config(write_config(**changes))
