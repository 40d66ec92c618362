"""transformers' Trainer as fits use it: it saves what is trained alone, and goes on exactly.

A checkpoint holds the trained parameters, the optimizer, the schedule, the states of the random
generators, and in `fit_state.json` what Trainer forgets: the losses that are not yet logged, and
what guard and best weights remember.
"""

import json
import logging
import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import Trainer

from components.optimization.attention import choose_attention
from components.optimization.best import BestWeights
from components.optimization.checkpoints import Checkpoints
from components.optimization.guard import LossGuard
from components.optimization.numbered import POSITIONS
from components.optimization.order import SeededOrder
from components.optimization.parameters import trained_parameters

logger = logging.getLogger(__name__)

WEIGHTS, BEST, STATE = "trained.safetensors", "best.safetensors", "fit_state.json"
IGNORE_INDEX = -100


class StoppedError(RuntimeError):
    """The process was told to end; what it had done is saved."""


@dataclass
class Watch:
    """What a fit remembers beside Trainer's own state."""

    guard: LossGuard
    best: BestWeights
    checkpoints: Checkpoints | None = None
    ids: Sequence[str] | None = None
    """Of the training questions."""
    is_stopping: bool = False
    """Whether the process was told to end."""
    saved: str = field(default="no checkpoint was saved")
    """What is said of the last checkpoint."""


class FitTrainer(Trainer):  # type: ignore[misc]
    """Trainer with a seeded order, checkpoints of what is trained, and a guard."""

    def __init__(self, order: SeededOrder, watch: Watch, **arguments: Any) -> None:
        super().__init__(**arguments)
        # So that `compute_loss` is told how many labels a step has: all of them, the first too.
        self.model_accepts_loss_kwargs, self._loss_shifts_labels = True, False
        self.order, self.watch = order, watch
        self._resumed: dict[str, Any] = {}
        self._dev_sums = torch.zeros(2, dtype=torch.double)
        """Of an evaluation: of the losses by label, and of the labels."""

    def _get_train_sampler(self, train_dataset: Any = None) -> SeededOrder:
        return self.order

    def training_step(self, model: nn.Module, inputs: dict[str, Any], *rest: Any) -> Tensor:
        """Step as Trainer does, unless the loss went astray."""
        positions = inputs.pop(POSITIONS).tolist()
        device = self.args.device.type
        with choose_attention(model, inputs, device) if self.args.bf16 else nullcontext():
            loss: Tensor = super().training_step(model, inputs, *rest)
        ids = self.watch.ids
        names = [ids[row] if ids else f"question {row}" for row in positions]
        mean = self.args.gradient_accumulation_steps * float(loss)
        self.watch.guard.check(mean, self.state.global_step + 1, names, self.watch.saved)
        return loss

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | None = None,
    ) -> Any:
        """Weigh a part's mean by its share of the step's labels; gradients are averaged by process.

        Trainer adds the parts of a step up, and averages over processes.
        """
        outputs = model(**inputs)
        loss = outputs["loss"]
        if num_items_in_batch is not None:
            share = inputs["labels"].ne(IGNORE_INDEX).sum() / num_items_in_batch
            loss = loss * share * self.args.world_size
        return (loss, outputs) if return_outputs else loss

    def prediction_step(self, model: nn.Module, inputs: dict[str, Any], *rest: Any, **more: Any):  # type: ignore[no-untyped-def]
        """Predict as Trainer does, and count the batch's loss by its labels."""
        inputs.pop(POSITIONS)
        num_labels = int(inputs["labels"].ne(IGNORE_INDEX).sum())
        loss, *others = super().prediction_step(model, inputs, *rest, **more)
        self._dev_sums += torch.tensor([float(loss) * num_labels, num_labels], dtype=torch.double)
        return loss, *others

    def evaluation_loop(self, *arguments: Any, **more: Any) -> Any:
        """Evaluate as Trainer does; the loss is a mean over all labels, however they are batched.

        Where several processes don't divide the questions, some count twice.
        """
        self._dev_sums.zero_()
        output = super().evaluation_loop(*arguments, **more)
        sums = self._dev_sums.to(self.args.device)
        if self.args.world_size > 1:
            torch.distributed.all_reduce(sums)
        output.metrics["eval_loss"] = float(sums[0] / sums[1])
        return output

    def _evaluate(self, *arguments: Any, **more: Any) -> Any:
        # So that a run that goes on after an evaluation draws what an undisturbed one draws.
        with torch.random.fork_rng():
            return super()._evaluate(*arguments, **more)

    def is_evaluation_due(self) -> bool:
        """Whether the step just done is to be evaluated, and was not."""
        step, every = self.state.global_step, self.state.eval_steps
        if self.eval_dataset is None or step == 0 or step % every:
            return False
        return not any("eval_loss" in e and e["step"] == step for e in self.state.log_history)

    def evaluate_if_due(self) -> None:
        """Catch up on an evaluation that an interruption prevented."""
        if self.is_evaluation_due():
            self._evaluate(None, None)

    def _maybe_log_save_evaluate(self, *arguments: Any, **more: Any) -> None:
        try:
            super()._maybe_log_save_evaluate(*arguments, **more)
        except StoppedError:  # in the middle of an evaluation
            self._save_checkpoint(self.model, None)
            raise

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Save and store a checkpoint; one that cannot be written is said, and the run goes on."""
        checkpoints, step = self.watch.checkpoints, self.state.global_step
        assert checkpoints is not None, "only a fit with checkpoints saves"
        folder = Path(self.args.output_dir) / f"checkpoint-{step}"
        try:
            super()._save_checkpoint(model, trial)
            self._write_state(folder)
            self._wait_for_all()  # each process has written the state of its random generators
            if self.args.should_save:
                checkpoints.save(step, folder)
        except (OSError, RuntimeError, SafetensorError) as err:
            logger.error("the checkpoint of step %d could not be written: %s", step, err)
        else:
            self.watch.saved = f"the last checkpoint is of step {step}, in {checkpoints.location}"
        finally:
            self._wait_for_all()
            if self.args.should_save:
                shutil.rmtree(folder, ignore_errors=True)

    def _wait_for_all(self) -> None:
        if self.args.world_size > 1:
            torch.distributed.barrier()

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Write the trained parameters; Trainer would write the frozen LLM too."""
        folder = Path(output_dir or self.args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        weights = {n: p.detach().cpu() for n, p in trained_parameters(self.model).items()}
        save_file(weights, folder / WEIGHTS)
        if self.watch.best.weights is not None:
            save_file(self.watch.best.weights, folder / BEST)

    def _state_name(self) -> str:
        """Return the name of this process's state: each has losses of its own."""
        return STATE if self.args.world_size == 1 else f"{self.args.process_index}-{STATE}"

    def _write_state(self, folder: Path) -> None:
        best = self.watch.best
        state = {
            "loss_sum": float(self._tr_loss),
            "last_logged": self._globalstep_last_logged,
            "first_losses": self.watch.guard.first,
            "best": {"loss": best.loss, "step": best.step, "num_worse": best.num_worse},
        }
        (folder / self._state_name()).write_text(json.dumps(state), encoding="utf-8")

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Put the trained parameters back, and what `_write_state` wrote."""
        folder = Path(resume_from_checkpoint)
        parameters, weights = trained_parameters(self.model), load_file(folder / WEIGHTS)
        assert weights.keys() == parameters.keys(), "a checkpoint's key covers what is trained"
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(weights[name])
        self._resumed = json.loads((folder / self._state_name()).read_text("utf-8"))
        self.watch.guard.first = self._resumed["first_losses"]
        best = self.watch.best
        best.loss, best.step, best.num_worse = (
            self._resumed["best"][name] for name in ("loss", "step", "num_worse")
        )
        if (folder / BEST).exists():
            best.weights = load_file(folder / BEST)

    def restore_losses(self) -> None:
        """Count the losses from before the interruption into the next logged point."""
        if self._resumed:
            self._tr_loss += self._resumed["loss_sum"]
            self._globalstep_last_logged = self._resumed["last_logged"]
