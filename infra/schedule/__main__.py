"""Schedule retrainings on the active Kubernetes stack.

    python -m infra.schedule create --config retrain.yaml [--cron "0 3 * * 1"]
    python -m infra.schedule show
    python -m infra.schedule change [--cron "30 4 * * *"] [--config retrain.yaml]
    python -m infra.schedule pause | resume | remove

A schedule keeps code, YAML and image of the day it was made: after a new image `change --config`
makes it anew. Exit code 1: nothing was changed, or what `show` shows is not as it should be.
"""

import argparse
import sys
from pathlib import Path

from kubernetes.config import ConfigException
from urllib3.exceptions import HTTPError
from zenml.orchestrators import PipelineSubmissionError

from infra.schedule.describe import describe_cron_job, describe_record, list_troubles
from infra.schedule.schedules import Known, Schedules
from pipelines.retrain_persona import retrain_persona

PIPELINE = retrain_persona
MONDAYS_AT_3 = "0 3 * * 1"


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    given = read_arguments(arguments)
    try:
        schedules = Schedules(PIPELINE)
        if given.command == "show":
            lines, troubles = show(schedules)
        else:
            lines, troubles = [do(schedules, given)], []
    except (ValueError, ConfigException, HTTPError, PipelineSubmissionError) as err:
        sys.exit(str(err))
    sys.stdout.write("\n".join(lines) + "\n")
    if troubles:
        sys.exit("\n".join(troubles))


def read_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    parsers = {name: commands.add_parser(name) for name in ("create", "show", "change")}
    parsers |= {name: commands.add_parser(name) for name in ("pause", "resume", "remove")}
    for name, one in parsers.items():
        if name != "show":
            one.add_argument("--name", default=PIPELINE.name, help="of the schedule")
        if name in ("change", "pause", "remove"):
            one.add_argument("--force", action="store_true", help="even if a run under way fails")
    create, change = parsers["create"], parsers["change"]
    create.add_argument("--config", type=Path, required=True, help="the runs' YAML")
    create.add_argument("--cron", default=MONDAYS_AT_3, help="when, UTC")
    change.add_argument("--config", type=Path, help="the runs' YAML, with today's code and image")
    change.add_argument("--cron", help="when, UTC; as before if it isn't given")
    given = parser.parse_args(arguments)
    if given.command == "change" and not (given.config or given.cron):
        change.error("expected --cron, --config or both")
    return given


def do(schedules: Schedules, given: argparse.Namespace) -> str:
    """Do what was asked for; return what was done."""
    name = given.name
    match given.command:
        case "create":
            return tell("created", schedules.create(name, given.config, given.cron))
        case "change" if given.config:
            new = schedules.replace(name, given.config, given.cron, given.force)
            return tell("made anew", new)
        case "change":
            return tell("changed", schedules.change_cron(name, given.cron))
        case "remove":
            schedules.remove(name, given.force)
            return f"removed the schedule {name} and its CronJob"
        case "pause":
            return tell("paused", schedules.set_active(name, False, given.force))
        case _:
            return tell("resumed", schedules.set_active(name, True))


def tell(done: str, known: Known) -> str:
    """Write in one line what was done."""
    schedule = known.schedule
    state = "" if schedule.active else ", paused"
    return (
        f"{done}: {schedule.name}, {schedule.cron_expression!r}{state}, "
        f"CronJob {known.cron_job_name}"
    )


def show(schedules: Schedules) -> tuple[list[str], list[str]]:
    """Return what is there, line by line, and what is wrong with it."""
    records = schedules.list_records()
    lines = [] if records else [f"{PIPELINE.name} has no schedule on this stack"]
    try:
        known, orphans = schedules.list_all(), schedules.list_orphans()
    except (ValueError, ConfigException) as err:
        lines += [line for record in records for line in describe_record(record)]
        return lines, [str(err)]
    troubles = []
    for one in known:
        lines += describe_record(one.schedule)
        lines += [] if one.cron_job is None else describe_cron_job(one.cron_job)
        troubles += [f"{one.schedule.name}: {trouble}" for trouble in list_troubles(one)]
    namespace = schedules.cron_jobs.namespace
    troubles += [
        f"the CronJob {namespace}/{orphan.metadata.name} runs {PIPELINE.name}, and no schedule of "
        "this ZenML has it"
        for orphan in orphans
    ]
    return lines, troubles


if __name__ == "__main__":
    main()
