"""Making and keeping the schedules of a pipeline: ZenML's record and the CronJob together.

ZenML makes the CronJob and notes its name with the schedule. It holds a snapshot: code, settings
and image of the day. The runs' token of ZenML's server is the schedule's own and ends with it or
while it is paused, so that a run under way would fail.
"""

from pathlib import Path
from typing import NamedTuple

from kubernetes.client import V1CronJob
from zenml.client import Client
from zenml.config.schedule import Schedule
from zenml.integrations.kubernetes.constants import KUBERNETES_CRON_JOB_METADATA_KEY
from zenml.models import ScheduleResponse, ScheduleUpdate
from zenml.pipelines.pipeline_definition import Pipeline

from infra.schedule.cron_jobs import list_running, open_cron_jobs, telling_cluster_errors
from infra.schedule.settings import check_config, check_cron

BEFORE = {True: "-before", False: "-before-paused"}
"""How a schedule's name ends while another takes its place, by whether it was active: it is paused
then, and what it was has to outlast a change that is cut off."""


class Known(NamedTuple):
    """A schedule, as ZenML has it and as the cluster has it."""

    schedule: ScheduleResponse
    cron_job: V1CronJob | None
    """None: it is gone."""

    @property
    def cron_job_name(self) -> str:
        """Its CronJob's name, as ZenML noted it."""
        return str(self.schedule.run_metadata.get(KUBERNETES_CRON_JOB_METADATA_KEY, ""))


class Schedules:
    """The schedules of one pipeline on the active stack.

    Args:
        pipeline: What they run.

    Raises:
        ValueError: If the active stack has no schedules.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._client = Client()
        self.cron_jobs = open_cron_jobs(self._client)
        self._orchestrator = self._client.active_stack.orchestrator

    def list_records(self) -> list[ScheduleResponse]:
        """Return what ZenML knows of them, by name."""
        listed = self._client.list_schedules(
            orchestrator_id=self._orchestrator.id, sort_by="name", hydrate=True
        )
        pipelines = self._client.list_pipelines(name=self.pipeline.name).items
        ours = {one.id for one in pipelines}
        return [one for one in listed.items if one.pipeline_id in ours]

    def list_all(self) -> list[Known]:
        """Return all of them, by name.

        Raises:
            ValueError: If the cluster doesn't say what it has.
        """
        return [self._complete(one) for one in self.list_records()]

    def list_orphans(self) -> list[V1CronJob]:
        """Return the pipeline's CronJobs that belong to no schedule of this ZenML."""
        ours = {known.cron_job_name for known in self.list_all()}
        found = self.cron_jobs.list_of(self.pipeline.name)
        return [one for one in found if one.metadata.name not in ours]

    def find(self, name: str) -> Known | None:
        """Return the schedule of a name, if there is one."""
        return next((one for one in self.list_all() if one.schedule.name == name), None)

    def require(self, name: str) -> Known:
        """Return the schedule of a name.

        Raises:
            ValueError: If there is none; names those that are there.
        """
        if found := self.find(name):
            return found
        names = [known.schedule.name for known in self.list_all()]
        hint = f"there are {names}" if names else "there are none: `create` makes one"
        raise ValueError(f"{self.pipeline.name} has no schedule {name!r}; {hint}")

    def create(self, name: str, config: Path, cron: str) -> Known:
        """Make a schedule; from then on the pipeline runs by it.

        Args:
            name: Of the schedule.
            config: The runs' YAML.
            cron: When they begin, UTC.

        Raises:
            ValueError: If there is one already, a CronJob that nobody knows, or something is wrong
                with the stack, the YAML or the cron.
        """
        cron = check_cron(cron)
        check_config(config)
        self._require_server()
        for taken in filter(self.find, _list_names(name)):
            raise ValueError(
                f"there is a schedule {taken!r} already: `change` changes it, `remove` removes it"
            )
        if orphans := [one.metadata.name for one in self.list_orphans()]:
            space = self.cron_jobs.namespace
            raise ValueError(
                f"the CronJobs {orphans} in namespace {space} run {self.pipeline.name}, and no "
                "schedule of this ZenML has them. Look whose they are; "
                f"`kubectl -n {space} delete cronjob NAME` ends one"
            )
        return self._submit(name, config, cron)

    def change_cron(self, name: str, cron: str) -> Known:
        """Let the runs begin at other times; all else stays, a run under way too.

        Args:
            name: Of the schedule.
            cron: When.

        Raises:
            ValueError: If there is no such schedule, its CronJob is gone, or the cron is none.
        """
        cron = check_cron(cron)
        return self._update(self._require_cron_job(name), ScheduleUpdate(cron_expression=cron))

    def replace(self, name: str, config: Path, cron: str | None, force: bool) -> Known:
        """Put a schedule of today's code, YAML and image in the place of one.

        The old one is renamed and paused before the new one is made, and removed after: there is a
        moment without any, and none with two. If the new one can't be made, the old one is as it
        was.

        Args:
            name: Of the schedule.
            config: The runs' YAML.
            cron: When they begin, UTC; None: as before.
            force: Whether a run under way may fail.

        Raises:
            ValueError: If there is no such schedule, a run is under way, or something is wrong with
                the YAML or the cron.
        """
        check_config(config)
        self._require_server()
        self._finish_change(name)
        old = self.require(name)
        cron = check_cron(cron or str(old.schedule.cron_expression))
        _require_idle(old, force)
        was_active = old.schedule.active
        self._rename(old, name + BEFORE[was_active])
        try:
            self._set_active(old, False)
            self._submit(name, config, cron)
        finally:
            self._finish_change(name)
        return self.require(name)

    def set_active(self, name: str, is_active: bool, force: bool = False) -> Known:
        """Pause or resume a schedule.

        Args:
            name: Of the schedule.
            is_active: Whether runs begin.
            force: Whether a run under way may fail by a pause.

        Raises:
            ValueError: If there is no such schedule, its CronJob is gone, or a run is under way.
        """
        known = self._require_cron_job(name)
        if not is_active:
            _require_idle(known, force)
        return self._set_active(known, is_active)

    def remove(self, name: str, force: bool) -> None:
        """Remove a schedule and its CronJob, if that is still there; past runs stay.

        Args:
            name: Of the schedule.
            force: Whether a run under way may be ended with it.

        Raises:
            ValueError: If there is no such schedule, or a run is under way.
        """
        there = [known for one in _list_names(name) if (known := self.find(one))]
        for known in there or [self.require(name)]:
            _require_idle(known, force)
            self._delete(known)

    def _require_server(self) -> None:
        stack = self._client.active_stack
        if stack.requires_remote_server and self._client.zen_store.is_local_store():
            raise ValueError(
                f"the stack {stack.name} needs a remote ZenML server, which its pods can reach: "
                "`zenml login https://...`"
            )

    def _require_cron_job(self, name: str) -> Known:
        known = self.require(name)
        if known.cron_job is None:
            raise ValueError(
                f"the CronJob {known.cron_job_name} of the schedule {name!r} is gone from "
                f"namespace {self.cron_jobs.namespace}: `change --config` makes another, `remove` "
                "forgets it"
            )
        return known

    def _finish_change(self, name: str) -> None:
        """End a change: the new schedule stays if it was made, else the old; paused if that was.

        The old one keeps the name that says what it was until all else is done.
        """
        for was_active, ending in BEFORE.items():
            if before := self.find(name + ending):
                new = self.find(name)
                if new is not None and new.cron_job is not None:
                    if not was_active:
                        self._set_active(new, False)
                    self._delete(before)
                    continue
                if new is not None:  # cut off before the cluster had it
                    self._delete(new)
                self._set_active(before, was_active)
                self._rename(before, name)

    def _submit(self, name: str, config: Path, cron: str) -> Known:
        run = self.pipeline.with_options(
            config_path=str(config), schedule=Schedule(name=name, cron_expression=cron)
        )
        try:
            run()
            made = self.require(name)
            if made.cron_job is None:
                raise ValueError(f"ZenML made the schedule {name!r} and noted no CronJob with it")
            self.cron_jobs.set_time_zone(made.cron_job_name)
            return self.require(name)
        except BaseException:
            # ZenML takes its record back only where the cluster refuses.
            if left := self.find(name):
                self._delete(left)
            raise

    def _set_active(self, known: Known, is_active: bool) -> Known:
        return self._update(known, ScheduleUpdate(active=is_active))

    def _rename(self, known: Known, name: str) -> None:
        self._client.zen_store.update_schedule(known.schedule.id, ScheduleUpdate(name=name))

    def _update(self, known: Known, update: ScheduleUpdate) -> Known:
        """Change CronJob and record; `Client.update_schedule` leaves out what the record says."""
        if known.cron_job is not None:
            with telling_cluster_errors():
                self._orchestrator.update_schedule(known.schedule, update)
        self._client.zen_store.update_schedule(known.schedule.id, update)
        return self._complete(self._client.get_schedule(known.schedule.id))

    def _delete(self, known: Known) -> None:
        with telling_cluster_errors():
            self._client.delete_schedule(known.schedule.id)

    def _complete(self, schedule: ScheduleResponse) -> Known:
        known = Known(schedule, None)
        name = known.cron_job_name
        return known._replace(cron_job=self.cron_jobs.find(name) if name else None)


def _list_names(name: str) -> list[str]:
    """Return what a schedule is called: by itself, and while another takes its place."""
    return [name, *(name + ending for ending in BEFORE.values())]


def _require_idle(known: Known, force: bool) -> None:
    running = list_running(known.cron_job)
    if running and not force:
        raise ValueError(
            f"the schedule {known.schedule.name!r} has a run under way ({', '.join(running)}): it "
            "would lose its access to ZenML's server and fail. Wait until it is over, or --force"
        )
