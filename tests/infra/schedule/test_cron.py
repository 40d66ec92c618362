"""What Kubernetes takes: the cases of robfig/cron's own tests, and its rule of the two days."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from kubernetes import client as kubernetes

from infra.schedule.cron import parse_cron
from tests.infra.schedule.conftest import SPACE

SUNDAY = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)
TAKEN = {
    "5": {5},
    "0": {0},
    "5-5": {5},
    "5-6/2": {5},
    "5-7/2": {5, 7},
    "5-7/1": {5, 6, 7},
    "*/20": {0, 20, 40},
    "50/4": {50, 54, 58},
    "?/30": {0, 30},
    "1,5-7/2,3": {1, 3, 5, 7},
    ",5,": {5},
}
REFUSED = {
    "5--5 * * * *": "is no number",
    "x * * * *": "'x' is no number$",
    "2-x * * * *": "is no number",
    "*/-12 * * * *": "is no number",
    "*//2 * * * *": "is no number",
    "1/2/3 * * * *": "is no number",
    "60 * * * *": "minute '60': expected numbers from 0 to 59",
    "*/0 * * * *": "a step of 1 or more",
    "0 22-2 * * *": "hour '22-2': expected .* of a range the smaller first",
    "0 3 0 * *": "day '0': expected numbers from 1 to 31",
    "0 3 * 13 *": "month '13'",
    "0 3 * january *": "'january' is no number, or one of jan, feb",
    "0 3 * * 7": "weekday '7': expected numbers from 0 to 6",
    "* * * * 5-1": "weekday '5-1'",
    "0 3 * * sun-sat-mon": "is no number, or one of sun, mon",
    "0 3 L * *": "day 'L'",
    "0 3 * * 1#2": "is no number",
    "* * 5-1": "got 3 fields",
    "": "got 0 fields",
}


@pytest.mark.parametrize("text", TAKEN)
def test_what_a_field_means(text):
    assert parse_cron(f"{text} * * * *").minute.numbers == TAKEN[text]


def test_months_and_weekdays_have_names():
    cron = parse_cron("0 3 * JAN-mar,dec Sun,3-SAT/2")
    assert (cron.month.numbers, cron.weekday.numbers) == ({1, 2, 3, 12}, {0, 3, 5})


@pytest.mark.parametrize("expression", REFUSED)
def test_what_is_refused(expression):
    with pytest.raises(ValueError, match=REFUSED[expression]):
        parse_cron(expression)


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 0 * * *", "30 1 2 3"),
        ("0 0 * * 1", "30 7 14 21"),
        ("0 0 5 * *", "5 5 5 5"),
        ("0 0 5 * 1", "30 5 7 14"),  # either
        ("0 0 */10 * 1", "30 1 7 11"),  # not any day: either
        ("0 0 */1 * 1", "30 7 14 21"),  # any day
        ("0 0 1-31 * 1", "30 1 2 3"),  # either, though it is every day
        ("0 0 31 * *", "31 31 31 31"),
        ("0 0 29 2 ?", "29 29"),
        ("0 0 30 feb *", ""),
    ],
)
def test_which_days_it_falls_on(expression, days):
    runs = list(islice(parse_cron(expression).list_runs(SUNDAY), 4))
    if expression == "0 0 29 2 ?":
        runs = list(parse_cron(expression).list_runs(SUNDAY.replace(year=2023)))
    assert " ".join(str(run.day) for run in runs) == days


def test_runs_of_a_day_come_in_order_and_after_now():
    runs = list(islice(parse_cron("30,0 12,11 * * 0").list_runs(SUNDAY), 3))
    week = timedelta(days=7)
    assert runs == [SUNDAY + week - timedelta(minutes=minutes) for minutes in (90, 60, 30)]


def make_cron_job(schedule, **spec):
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox"}]}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "tried"},
        "spec": {
            "schedule": schedule,
            "jobTemplate": {"spec": {"template": {"spec": pod}}},
            **spec,
        },
    }


@pytest.mark.parametrize(
    ("schedule", "spec"),
    [
        ("0 3 * * 7", {}),
        ("* * 5-1", {}),
        ("0 22-2 * * *", {}),
        ("@fortnightly", {}),
        ("TZ=Etc/UTC 0 3 * * 1", {}),
        ("CRON_TZ=Etc/UTC 0 3 * * 1", {"timeZone": "Etc/UTC"}),
        ("0 3 * * 1", {"timeZone": "Mars/Olympus"}),
    ],
)
def test_the_double_refuses_likewise(batch, schedule, spec):
    with pytest.raises(kubernetes.ApiException) as refused:
        batch.create_namespaced_cron_job(SPACE, make_cron_job(schedule, **spec))
    assert refused.value.status == 422


@pytest.mark.parametrize("schedule", ["@daily", "@every 1h30m", "0 3 * * MON"])
def test_the_double_takes_what_kubernetes_takes(batch, schedule):
    batch.create_namespaced_cron_job(SPACE, make_cron_job(schedule, timeZone="Etc/UTC"))
    with pytest.raises(kubernetes.ApiException) as refused:
        batch.patch_namespaced_cron_job("tried", SPACE, {"spec": {"schedule": "0 3 * * 7"}})
    assert refused.value.status == 422
    batch.delete_namespaced_cron_job("tried", SPACE)
