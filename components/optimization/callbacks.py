"""What happens beside the steps of a fit: saving, stopping, progress and figures."""

import logging
import resource
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from tqdm import tqdm
from transformers import TrainerCallback, TrainerControl, TrainerState

from components.optimization.parameters import trained_parameters
from components.optimization.sigterm import on_sigterm
from components.optimization.trainer import FitTrainer, StoppedError, Watch

logger = logging.getLogger(__name__)

LogMetrics = Callable[[dict[str, float], int], None]
"""Takes figures by name, and the step that they are of."""
NAMES = {
    "loss": "loss",
    "eval_loss": "dev_loss",
    "grad_norm": "grad_norm",
    "learning_rate": "learning_rate",
}
"""Trainer's names of figures, and ours."""


def heed_sigterm(watch: Watch) -> AbstractContextManager[None]:
    """Save and end at SIGTERM; a fit without checkpoints, or in another thread, ends at once."""

    def stop() -> None:
        watch.is_stopping = True

    return nullcontext() if watch.checkpoints is None else on_sigterm(stop)


class Steering(TrainerCallback):  # type: ignore[misc]
    """Says when to save and when to end, and starts a fit where another one was interrupted."""

    def __init__(self, trainer: FitTrainer) -> None:
        self.trainer, self.watch = trainer, trainer.watch
        self.saved_at = time.monotonic()

    def on_train_begin(self, *arguments: Any, **more: Any) -> None:
        """Take up what the interrupted fit left undone."""
        self.trainer.restore_losses()
        self.trainer.evaluate_if_due()

    def on_epoch_begin(self, args: Any, state: TrainerState, *rest: Any, **more: Any) -> None:
        """Draw the epoch's order."""
        self.trainer.order.epoch = int(state.epoch or 0)

    def on_step_end(
        self, args: Any, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        """Save in time, and end if told to; an evaluation can wait for the next run."""
        checkpoints = self.watch.checkpoints
        if checkpoints is None or state.global_step >= state.max_steps:
            return
        waited = time.monotonic() - self.saved_at
        is_time = waited >= 60 * checkpoints.config.every_minutes
        is_stopping, is_time = self._agree(self.watch.is_stopping, is_time)
        if is_stopping:
            self.watch.is_stopping = True
            control.should_training_stop = control.should_save = True
            control.should_evaluate = False
        elif is_time:
            control.should_save = True

    def _agree(self, *flags: bool) -> list[bool]:
        """Raise each flag that any process raises: all are to save and to end at the same step."""
        if self.trainer.args.world_size == 1:
            return list(flags)
        raised = torch.tensor(flags, dtype=torch.int, device=self.trainer.args.device)
        torch.distributed.all_reduce(raised, torch.distributed.ReduceOp.MAX)
        return [bool(flag) for flag in raised.tolist()]

    def on_save(self, *arguments: Any, **more: Any) -> None:
        """Count the time from here."""
        self.saved_at = time.monotonic()

    def on_prediction_step(self, *arguments: Any, **more: Any) -> None:
        """Leave an evaluation if told to end."""
        [self.watch.is_stopping] = self._agree(self.watch.is_stopping)
        if self.watch.is_stopping:
            raise StoppedError

    def on_evaluate(
        self,
        args: Any,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float],
        **more: Any,
    ) -> None:
        """Remember the best weights, and end where patience does."""
        parameters = trained_parameters(self.trainer.model)
        if self.watch.best.see(metrics["eval_loss"], state.global_step, parameters):
            logger.info("no better dev loss since step %d: the fit ends", self.watch.best.step)
            control.should_training_stop = True


class Progress(TrainerCallback):  # type: ignore[misc]
    """A bar on a terminal, plain lines elsewhere; and all figures to whoever asked for them."""

    def __init__(self, batch_size: int, log_metrics: LogMetrics | None) -> None:
        self.batch_size, self.log_metrics = batch_size, log_metrics
        self.bar: Any = None
        self.began = self.logged = (0, 0.0)
        """A step, and when it was."""

    def on_train_begin(self, args: Any, state: TrainerState, *rest: Any, **more: Any) -> None:
        """Show how far it is."""
        self.began = self.logged = (state.global_step, time.monotonic())
        if state.is_world_process_zero and sys.stderr.isatty():
            self.bar = tqdm(total=state.max_steps, initial=state.global_step, unit=" steps")

    def on_step_end(self, *arguments: Any, **more: Any) -> None:
        """Move the bar."""
        if self.bar is not None:
            self.bar.update()

    def on_log(
        self,
        args: Any,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float],
        model: torch.nn.Module,
        **more: Any,
    ) -> None:
        """Say the loss, the speed and the time left."""
        figures = {NAMES[name]: float(logs[name]) for name in NAMES if name in logs}
        if not figures or not state.is_world_process_zero:
            return
        step, now = state.global_step, time.monotonic()
        if "loss" in figures and step > self.logged[0]:
            rate = (step - self.logged[0]) / (now - self.logged[1])
            self.logged = (step, now)
            figures |= {"examples_per_second": rate * self.batch_size, "memory_bytes": memory()}
            figures |= getattr(model, "diagnose", dict)()
            self._tell(state, figures)
        if self.log_metrics is not None:
            self.log_metrics(figures, step)

    def _tell(self, state: TrainerState, figures: dict[str, float]) -> None:
        loss, speed = figures["loss"], figures["examples_per_second"]
        if self.bar is not None:
            self.bar.set_postfix_str(f"loss {loss:.4f}, {speed:.0f} questions/s")
            return
        step, (first, began) = state.global_step, self.began
        left = (time.monotonic() - began) / (step - first) * (state.max_steps - step)
        logger.info(
            "step %d of %d: loss %.4f, %.0f questions/s, %.0f s left",
            *(step, state.max_steps, loss, speed, left),
        )

    def on_train_end(self, *arguments: Any, **more: Any) -> None:
        """Close the bar."""
        if self.bar is not None:
            self.bar.close()


def memory() -> float:
    """Return the most memory that was in use: the GPU's where there is one, in bytes."""
    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated())
    return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
