"""One deployment, whatever the target: preview, apply, wait, check, and keep it or roll it back."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from components.deployment.config import DeployConfig
from components.deployment.golden_check import Door, Exam, check_golden
from components.deployment.record import Deployment, ModelVersion, Outcome, tell_time

logger = logging.getLogger(__name__)


class DeployError(Exception):
    """A version can't be put where it shall serve; says why, for the operator."""


class Target(Protocol):
    """Where a version is put. One object a deployment: it remembers what was there before."""

    @property
    def objects_hash(self) -> str:
        """The sha256 of what is applied."""
        ...

    def preview(self) -> str:
        """Return what would be changed, as lines with + and -; empty: nothing. Changes nothing.

        Raises:
            DeployError: If it would be refused.
        """
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
        """Make the new version the one to go back to, and end the old one; says what serves.

        Raises:
            DeployError: If the old one won't end.
        """
        ...

    def roll_back(self, timeout_seconds: float) -> str:
        """Bring back what was there before; says what serves.

        Raises:
            DeployError: If it doesn't come back.
        """
        ...


class _Stopwatch:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the block's seconds to a phase."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(time.perf_counter() - started, 3)


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
    watch, started = _Stopwatch(), tell_time()
    told: dict[str, Any] = {}

    def record(outcome: Outcome, reason: str) -> Deployment:
        logger.info("%s %s: %s: %s", config.target, model.place, outcome, reason)
        return Deployment(
            outcome=outcome,
            reason=reason,
            target=config.target,
            model=model,
            objects_hash=target.objects_hash,
            who=who,
            started=started,
            seconds=watch.seconds,
            **told,
        )

    try:
        with watch.phase("preview"):
            told["diff"] = target.preview()
    except Exception as err:  # of whichever library: nothing was changed yet
        return record("refused", f"nothing was changed: {describe(err)}")
    if config.dry_run:
        return record("dry_run", "this would be changed" if told["diff"] else "nothing to change")
    try:
        told["serves"] = _put(target, exam, config, watch)
    except BaseException as err:  # ctrl-c too: now there is something to take back
        reason = describe(err)
        if not told["diff"] and isinstance(err, Exception):
            return record("failed", f"nothing was changed and nothing rolled back: {reason}")
        logger.error("%s %s fails and is rolled back: %s", config.target, model.place, reason)
        taken_back = _take_back(target, config, watch, reason, told, record)
        if not isinstance(err, Exception):
            raise
        return taken_back
    if not told["diff"]:
        return record("unchanged", "it served already, and answers its golden requests")
    return record("deployed", "it answers its golden requests")


def _put(target: Target, exam: Exam, config: DeployConfig, watch: _Stopwatch) -> str:
    with watch.phase("apply"):
        target.apply()
    with watch.phase("wait"):
        target.wait(config.timeout_seconds)
    with watch.phase("check"):
        for door in target.doors():
            if fault := check_golden(door, exam, config.min_golden_share):
                raise DeployError(f"{door.name}: {fault}")
    with watch.phase("keep"):
        return target.keep()


def _take_back(
    target: Target,
    config: DeployConfig,
    watch: _Stopwatch,
    reason: str,
    told: dict[str, Any],
    record: Any,
) -> Deployment:
    try:
        with watch.phase("roll_back"):
            told["serves"] = target.roll_back(config.timeout_seconds)
    except Exception as err:  # as above; now a person has to look
        return record("failed", f"{reason}; and it could not be rolled back: {describe(err)}")
    return record("rolled_back", reason)


def describe(error: BaseException) -> str:
    """Return an error as an operator reads it."""
    if isinstance(error, DeployError):
        return str(error)
    return f"{type(error).__name__}: {error}"
