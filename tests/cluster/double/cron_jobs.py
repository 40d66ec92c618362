"""What an API server checks of a CronJob beyond its schema (pkg/apis/batch/validation)."""

import re
from typing import Any
from zoneinfo import available_timezones

from infra.schedule.cron import parse_cron

NAMED = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
EVERY = re.compile(r"@every ((\d+(\.\d*)?|\.\d+)(ns|us|ms|s|m|h))+", re.ASCII)


def find_trouble(cron_job: dict[str, Any]) -> str | None:
    """Return what is wrong with its times."""
    spec = cron_job["spec"]
    schedule, zone = spec["schedule"], spec.get("timeZone")
    if "TZ" in schedule:
        message = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        return f'spec.schedule: Invalid value: "{schedule}": {message}'
    if schedule not in NAMED and not EVERY.fullmatch(schedule):
        try:
            parse_cron(schedule)
        except ValueError as err:
            return f'spec.schedule: Invalid value: "{schedule}": {err}'
    if zone is not None and zone not in available_timezones():
        return f'spec.timeZone: Invalid value: "{zone}": unknown time zone {zone}'
    return None
