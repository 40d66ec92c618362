"""One deployment, whatever the target: preview, apply, wait, check, and keep it or roll it back."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Protocol, TypeVar

from components.deployment.config import DeployConfig
from components.deployment.golden_check import Door, Exam, check_golden
from components.deployment.record import Deployment, ModelVersion, Outcome, tell_time
from components.deployment.signals import Interruption, hold_signals, raise_signals

logger = logging.getLogger(__name__)

GRACE_SECONDS = 15
"""What a process that is told to end has left: Kubernetes kills it after 30 seconds."""
Ended = TypeVar("Ended")


class DeployError(Exception):
    """A version can't be put where it shall serve; says why, for the operator."""


class Target(Protocol):
    """Where a version is put. One object a deployment: it remembers what was there before."""

    @property
    def objects_hash(self) -> str:
        """The sha256 of what is applied."""
        ...

    def alone(self, who: str, timeout_seconds: float) -> AbstractContextManager[object]:
        """Keep other deployments out for a block.

        Args:
            who: Asks for it.
            timeout_seconds: Longest wait of this one.

        Raises:
            DeployError: If another one is under way.
        """
        ...

    def preview(self) -> str:
        """Return what would be changed, as lines with + and -; empty: nothing. Changes nothing.

        Raises:
            DeployError: If it would be refused.
        """
        ...

    @property
    def is_replacing(self) -> bool:
        """Whether what answers becomes another, by the preview: else there is no way back."""
        ...

    def apply(self) -> None:
        """Begin to change it.

        Raises:
            DeployError: If it is refused.
        """
        ...

    def wait(self, timeout_seconds: float) -> None:
        """Return when all that is new is ready.

        Raises:
            DeployError: If it will not be, or not in time; says why.
        """
        ...

    def doors(self) -> Sequence[Door]:
        """Return a way to ask each new process by itself.

        Raises:
            DeployError: If there is none.
        """
        ...

    def keep(self) -> str:
        """Make the new version the one to go back to; says what serves.

        What goes wrong later is not the version's fault, and is not rolled back.

        Raises:
            DeployError: If it can't be.
        """
        ...

    def settle(self, timeout_seconds: float) -> None:
        """End what was replaced, and begin what hangs on the new version; again, if need be.

        Raises:
            DeployError: If something is refused.
        """
        ...

    def roll_back(self, timeout_seconds: float) -> str:
        """Bring back what was there before, again if need be; says what serves.

        Raises:
            DeployError: If it doesn't come back.
        """
        ...


def deploy(
    target: Target, model: ModelVersion, exam: Exam, config: DeployConfig, who: str
) -> Deployment:
    """Deploy a version; whatever goes wrong, what served before serves again.

    Args:
        target: Where.
        model: What.
        exam: Its golden requests.
        config: What it takes.
        who: Asks for it.

    Returns:
        The record, of failures too.
    """
    return _Attempt(target, model, exam, config, who).run()


class _Attempt:
    """One deployment, and what is known of it so far; arguments as of `deploy`."""

    def __init__(
        self, target: Target, model: ModelVersion, exam: Exam, config: DeployConfig, who: str
    ) -> None:
        self._target, self._model, self._exam, self._config = target, model, exam, config
        self._told: dict[str, Any] = {"who": who, "started": tell_time()}
        self._seconds: dict[str, float] = {}

    def run(self) -> Deployment:
        """Go through the phases, alone if they may change something."""
        with hold_signals(), ExitStack() as held:
            return self._run(held)

    def _run(self, held: ExitStack) -> Deployment:
        config = self._config
        try:
            with self._phase("preview"), raise_signals():
                if not config.dry_run:
                    alone = self._target.alone(self._told["who"], config.timeout_seconds)
                    held.enter_context(alone)
                self._told["diff"] = diff = self._target.preview()
        except (Exception, Interruption) as err:  # of whichever library: nothing was changed yet
            return self._record("refused", f"nothing was changed: {describe(err)}")
        if config.dry_run:
            return self._record("dry_run", "this would be changed" if diff else "nothing to change")
        try:
            with raise_signals():
                self._put()
            with self._phase("keep"):
                self._told["serves"] = self._target.keep()
        except BaseException as err:  # whatever it is, now there is something to take back
            failed = self._take_back(err)
            if not isinstance(err, Exception | Interruption):
                raise
            return failed
        return self._settle(bool(diff))

    def _put(self) -> None:
        with self._phase("apply"):
            self._target.apply()
        with self._phase("wait"):
            self._target.wait(self._config.timeout_seconds)
        with self._phase("check"):
            for door in self._target.doors():
                if fault := check_golden(door, self._exam, self._config.min_golden_share):
                    raise DeployError(f"{door.name}: {fault}")

    def _settle(self, is_changed: bool) -> Deployment:
        try:
            with self._phase("settle"):
                self._try_in_time(self._target.settle)
        except Exception as err:
            reason = f"it serves and answers its golden requests, but {describe(err)}"
            return self._record("failed", reason)
        if not is_changed:
            return self._record("unchanged", "it served already, and answers its golden requests")
        return self._record("deployed", "it answers its golden requests")

    def _take_back(self, error: BaseException) -> Deployment:
        reason = describe(error)
        if not self._target.is_replacing:
            outcome: Outcome = "refused" if isinstance(error, Interruption) else "failed"
            reason = f"what serves was not changed, and nothing was rolled back: {reason}"
            return self._record(outcome, reason)
        logger.error("%s is rolled back: %s", self._model.place, reason)
        try:
            with self._phase("roll_back"):
                self._told["serves"] = self._try_in_time(self._target.roll_back)
        except Exception as err:  # now a person has to look
            reason = f"{reason}; and it could not be rolled back: {describe(err)}"
            return self._record("failed", reason)
        return self._record("rolled_back", reason)

    def _try_in_time(self, do: Callable[[float], Ended]) -> Ended:
        """Do what has to be done; once the process is told to end, within the grace it has."""
        try:
            with raise_signals():
                return do(self._config.timeout_seconds)
        except Interruption:
            return do(GRACE_SECONDS)

    def _record(self, outcome: Outcome, reason: str) -> Deployment:
        target, place = self._config.target, self._model.place
        logger.info("%s %s: %s: %s", target, place, outcome, reason)
        return Deployment(
            outcome=outcome,
            reason=reason,
            target=target,
            model=self._model,
            objects_hash=self._target.objects_hash,
            seconds=self._seconds,
            **self._told,
        )

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        """Add the block's seconds to a phase."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[name] = round(time.perf_counter() - started, 3)


def describe(error: BaseException) -> str:
    """Return an error as an operator reads it."""
    if isinstance(error, DeployError | Interruption):
        return str(error)
    return f"{type(error).__name__}: {error}"
