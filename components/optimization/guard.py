"""Stops a fit whose loss is no number any more, or explodes, at the step where it happens."""

import math
from collections.abc import Sequence

NUM_FIRST_STEPS = 20
"""Steps whose mean loss is what later ones are compared with."""
NUM_NAMED = 8


class DivergedError(ValueError):
    """A loss is not finite, or many times that of the first steps."""


class LossGuard:
    """Watches every step's loss.

    Args:
        max_ratio: A loss above this many times the first steps' mean is an explosion.
    """

    def __init__(self, max_ratio: float) -> None:
        self.max_ratio = max_ratio
        self.first: list[float] = []
        """The losses of the first steps; a run that goes on gets those of its beginning."""

    def check(self, loss: float, step: int, ids: Sequence[str], saved: str) -> None:
        """Pass a step's loss on, or stop.

        Args:
            loss: Of the step's questions.
            step: Number of the step, from 1.
            ids: The questions.
            saved: What is said of the last good checkpoint.

        Raises:
            DivergedError: If the loss is not finite or explodes; names step, loss and questions.
        """
        problem = self._find_problem(loss)
        if problem:
            more = f" and {len(ids) - NUM_NAMED} more" if len(ids) > NUM_NAMED else ""
            named = ", ".join(ids[:NUM_NAMED]) + more
            raise DivergedError(f"training diverged at step {step}: {problem}; {named}; {saved}")

    def _find_problem(self, loss: float) -> str | None:
        if not math.isfinite(loss):
            return f"the loss is {loss}"
        if len(self.first) < NUM_FIRST_STEPS:
            self.first.append(loss)
            return None
        mean = sum(self.first) / NUM_FIRST_STEPS
        if loss <= self.max_ratio * mean:
            return None
        return (
            f"the loss is {loss:.4g}, over {self.max_ratio:g} times (max_loss_ratio) the "
            f"{mean:.4g} of the first {NUM_FIRST_STEPS} steps"
        )
