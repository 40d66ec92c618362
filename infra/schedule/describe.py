"""What `show` says of schedules, and what is wrong with them."""

from collections.abc import Iterator

from kubernetes.client import V1CronJob
from zenml.models import ScheduleResponse

from infra.schedule.cron_jobs import TIME_ZONE, find_image, list_running
from infra.schedule.schedules import BEFORE, Known
from infra.schedule.settings import list_next_runs

NUM_RUNS = 3
WIDTH = 14


def describe_record(schedule: ScheduleResponse) -> Iterator[str]:
    """Yield a line for each thing that ZenML knows of a schedule."""
    yield _line("schedule", schedule.name)
    yield _line("state", "active" if schedule.active else "paused")
    yield _line("cron", schedule.cron_expression)
    if schedule.active:
        runs = list_next_runs(str(schedule.cron_expression), NUM_RUNS)
        yield _line("next runs", ", ".join(f"{run:%Y-%m-%d %H:%M}" for run in runs) + " UTC")


def describe_cron_job(cron_job: V1CronJob) -> Iterator[str]:
    """Yield a line for each thing that the cluster knows of a schedule."""
    spec, status = cron_job.spec, cron_job.status
    yield _line("CronJob", f"{cron_job.metadata.namespace}/{cron_job.metadata.name}")
    yield _line("image", find_image(cron_job))
    yield _line("concurrency", spec.concurrency_policy)
    yield _line("begins within", f"{spec.starting_deadline_seconds} s")
    yield _line("running", ", ".join(list_running(cron_job)) or "nothing")
    yield _line("last begun", getattr(status, "last_schedule_time", None) or "never")
    yield _line("last success", getattr(status, "last_successful_time", None) or "never")


def list_troubles(known: Known) -> Iterator[str]:
    """Yield what is not as it should be, and what mends it."""
    schedule, cron_job = known
    if schedule.name.endswith(tuple(BEFORE.values())):
        yield "a change was cut off while this one was aside: `change --config` or `remove` ends it"
    if cron_job is None:
        yield (
            f"the CronJob {known.cron_job_name} is gone, nothing runs: `change --config` makes "
            "another, `remove` forgets the schedule"
        )
        return
    spec = cron_job.spec
    if spec.schedule != schedule.cron_expression:
        yield (
            f"the CronJob's cron is {spec.schedule!r}, ZenML's {schedule.cron_expression!r}: "
            "`change --cron` sets both"
        )
    if spec.time_zone != TIME_ZONE:
        yield (
            f"the CronJob's time zone is {spec.time_zone or 'that of its controller'}, not "
            f"{TIME_ZONE}: `change --config` makes another"
        )
    if bool(spec.suspend) == schedule.active:
        state = "suspended" if spec.suspend else "not suspended"
        yield f"the CronJob is {state}, ZenML's record isn't: `pause` or `resume` sets both"


def _line(name: str, value: object) -> str:
    return f"{name:<{WIDTH}}{value}"
