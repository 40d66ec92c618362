"""What a schedule is made of, checked before anything is changed: the run's YAML and the cron."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from infra.manifests.run_settings import ORCHESTRATOR, check_settings
from infra.schedule.cron import MAX_YEARS, parse_cron

FORBID = "Forbid"
MIN_DEADLINE_SECONDS = 10
"""The CronJobs' controller looks every ten seconds: with less a run may never be begun."""


def check_cron(expression: str) -> str:
    """Return a cron expression as Kubernetes reads it: minute, hour, day, month, weekday.

    Args:
        expression: As somebody wrote it.

    Raises:
        ValueError: If it is none, or its time never comes.
    """
    try:
        if not list_next_runs(expression, 1):
            raise ValueError(f"never due within {MAX_YEARS} years")
    except ValueError as err:
        raise ValueError(
            f"cron {expression!r}: {err}; expected five fields (minute, hour, day, month, weekday) "
            "like '0 3 * * 1', Mondays at 3"
        ) from err
    return " ".join(expression.split())


def list_next_runs(expression: str, number: int, start: datetime | None = None) -> list[datetime]:
    """Return when a schedule is due next, UTC; fewer times if it is due less often.

    Args:
        expression: Its cron.
        number: How many times.
        start: Only later ones; now if it isn't given.

    Raises:
        ValueError: If Kubernetes would refuse the expression.
    """
    return list(islice(parse_cron(expression).list_runs(start or datetime.now(UTC)), number))


def check_config(path: Path) -> None:
    """Refuse a run's YAML that a schedule can't have.

    Args:
        path: The file.

    Raises:
        ValueError: If a key is unknown, or two runs could meet; names file and key.
    """
    check_settings(path)
    document = yaml.safe_load(path.read_text("utf-8"))
    settings = (document.get("settings") or {}).get(ORCHESTRATOR) or {}
    if wrong := list(_check_orchestrator(settings)):
        place = f"{path}: can't be scheduled: settings.{ORCHESTRATOR}:"
        raise ValueError("\n  ".join([place, *wrong]))


def _check_orchestrator(settings: dict[str, Any]) -> Iterator[str]:
    policy = settings.get("concurrency_policy")
    if policy != FORBID:
        yield (
            f"concurrency_policy: got {policy!r}, expected {FORBID!r}: of two retrainings at once "
            "the second would be judged against a champion that the first replaces"
        )
    deadline = settings.get("starting_deadline_seconds")
    if not isinstance(deadline, int) or deadline < MIN_DEADLINE_SECONDS:
        yield (
            f"starting_deadline_seconds: got {deadline!r}, expected {MIN_DEADLINE_SECONDS} or more;"
            " without it, runs that were missed long ago are still begun"
        )
