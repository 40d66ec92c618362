"""Fit a model's trainable parameters with transformers' Trainer; see `FitConfig` for the recipe."""

import logging
import math
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn
from torch.utils.data import Dataset

from components.optimization.activations import checkpoint_activations
from components.optimization.best import BestWeights
from components.optimization.checkpoints import Checkpoints
from components.optimization.config import FitConfig
from components.optimization.frozen import cast_frozen
from components.optimization.guard import LossGuard
from components.optimization.numbered import Numbered, collate_numbered
from components.optimization.parameters import group_parameters, trained_parameters

if TYPE_CHECKING:
    from components.optimization.callbacks import LogMetrics

logger = logging.getLogger(__name__)

Curve = list[dict[str, float]]
"""Points of a training curve: step, epoch, and what was measured (loss, dev_loss, ...)."""


class FitInputs(NamedTuple):
    """What a fit reads: questions to learn from and to watch, and how they become tensors."""

    train: Dataset[Any]
    dev: Dataset[Any] | None
    collate: Callable[[list[Any]], dict[str, Any]]
    lengths: Sequence[int] | None = None
    """Of every training question, in any unit: steps read questions of like length, so that less
    of a batch is padding. In random order if not given."""
    ids: Sequence[str] | None = None
    """Of every training question: what an error names."""


class FitRecord(NamedTuple):
    """Where a fit leaves what it does while it runs."""

    checkpoints: Checkpoints | None = None
    log_metrics: "LogMetrics | None" = None


UNRECORDED = FitRecord()


def uses_bfloat16(autocast: str) -> bool:
    """Decide the arithmetic of the matrix products from the setting and the hardware."""
    if autocast == "auto":
        if torch.cuda.is_available():
            return torch.cuda.is_bf16_supported(including_emulation=False)
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return autocast == "bfloat16"


def fit(
    model: nn.Module,
    inputs: FitInputs,
    config: FitConfig,
    seed: int,
    pretrained_prefixes: Sequence[str] = (),
    record: FitRecord = UNRECORDED,
) -> Curve:
    """Fit `model`, whose forward returns a dict with `loss`, in place.

    The loss is a mean over the labels that are not -100; so is that of a step, however many parts
    and processes read it. With checkpoints it goes on where an interrupted fit of the same key
    ended, and ends with the weights of an undisturbed one.

    Args:
        model: Moved to the GPU by Trainer where there is one.
        inputs: Examples and their collator.
        config: The recipe.
        seed: Seeds the order of examples and dropout.
        pretrained_prefixes: Names of parameters that take `encoder_learning_rate`.
        record: Where it leaves checkpoints and figures.

    Returns:
        The curve of training and dev losses.

    Raises:
        DivergedError: If the loss stops being a number, or explodes.
        StoppedError: If the process was told to end; what was done is saved.
        ValueError: If there is nothing to train on, or the batch cannot be divided.
    """
    # Imported here: it takes seconds, and a run whose steps are all cached fits nothing.
    from transformers import PrinterCallback

    from components.optimization.callbacks import Progress, Steering, heed_sigterm
    from components.optimization.order import SeededOrder
    from components.optimization.trainer import FitTrainer, StoppedError, Watch

    num_examples = len(inputs.train)  # type: ignore[arg-type]
    if num_examples == 0:
        raise ValueError(
            "no training questions: check data and the share kept for the LLM's tuning"
        )
    if config.checkpoints_activations:
        checkpoint_activations(model)
    optimizer = torch.optim.AdamW(
        group_parameters(model, config, pretrained_prefixes),
        weight_decay=config.weight_decay,
        fused=True,
    )
    watch = Watch(
        LossGuard(config.max_loss_ratio),
        BestWeights(config.keeps_best, config.early_stopping_patience),
        record.checkpoints,
        inputs.ids,
    )
    with _share_directory() as directory, heed_sigterm(watch):
        trainer = FitTrainer(
            SeededOrder(num_examples, inputs.lengths, config.batch_size, seed),
            watch,
            model=model,
            args=_build_arguments(config, num_examples, inputs.dev is not None, seed, directory),
            train_dataset=Numbered(inputs.train),
            eval_dataset=None if inputs.dev is None else Numbered(inputs.dev),
            data_collator=partial(collate_numbered, inputs.collate),
            optimizers=(optimizer, None),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(Steering(trainer))
        trainer.add_callback(Progress(config.batch_size, record.log_metrics))
        fetched = directory / f"for-process-{trainer.args.process_index}"
        fetched.mkdir()
        found = record.checkpoints.load_newest(fetched) if record.checkpoints else None
        if found:
            logger.info("going on from %s", found.name)
        with cast_frozen(model) if trainer.args.bf16 else nullcontext():
            trainer.train(resume_from_checkpoint=str(found) if found else None)
    if watch.is_stopping and trainer.state.global_step < trainer.state.max_steps:
        raise StoppedError(f"told to end at step {trainer.state.global_step}: {watch.saved}")
    watch.best.put_back(trained_parameters(model))
    if record.checkpoints and is_first_process():
        record.checkpoints.clear()
    return read_curve(trainer.state.log_history)


def count_processes() -> int:
    """Return how many processes this fit runs in: what `torchrun` says, else 1."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first_process() -> bool:
    """Whether this is the process that writes what comes of a fit."""
    return os.environ.get("RANK", "0") == "0"


def _choose_backend(num_processes: int) -> str | None:
    is_on_cpu = num_processes > 1 and not torch.cuda.is_available()
    return "gloo" if is_on_cpu else None


def _build_arguments(
    config: FitConfig, num_examples: int, has_dev: bool, seed: int, directory: Path
) -> Any:
    from transformers import TrainingArguments

    num_processes = count_processes()
    num_parts = config.num_accumulated * num_processes
    if config.batch_size % num_parts:
        raise ValueError(
            f"batch_size is {config.batch_size}, which {config.num_accumulated} parts "
            f"(num_accumulated) of {num_processes} processes do not divide"
        )
    num_steps = math.ceil(num_examples / config.batch_size * config.num_epochs)
    return TrainingArguments(
        output_dir=str(directory),
        num_train_epochs=config.num_epochs,
        per_device_train_batch_size=config.batch_size // num_parts,
        per_device_eval_batch_size=2 * config.batch_size,
        gradient_accumulation_steps=config.num_accumulated,
        warmup_steps=max(1, round(config.warmup_share * num_steps)),
        max_grad_norm=config.max_grad_norm,
        logging_steps=max(1, num_steps // config.num_log_points),
        logging_nan_inf_filter=False,
        eval_strategy="steps" if has_dev else "no",
        eval_steps=math.ceil(num_steps / 5),
        save_strategy="no",
        report_to=[],
        remove_unused_columns=False,
        label_names=["labels"],
        prediction_loss_only=True,
        use_cpu=not torch.cuda.is_available(),
        ddp_backend=_choose_backend(num_processes),
        bf16=uses_bfloat16(config.autocast),
        disable_tqdm=True,
        seed=seed,
        data_seed=seed,
    )


@contextmanager
def _share_directory() -> Iterator[Path]:
    """Give a temporary directory, the same one to all processes of a fit."""
    from accelerate import PartialState

    num_processes = count_processes()
    with tempfile.TemporaryDirectory() as directory:
        if num_processes == 1:
            yield Path(directory)
            return
        PartialState(not torch.cuda.is_available(), backend=_choose_backend(num_processes))
        shared = [directory]
        torch.distributed.broadcast_object_list(shared)
        yield Path(shared[0])
        torch.distributed.barrier()


def read_curve(log_history: Sequence[dict[str, Any]]) -> Curve:
    """Turn Trainer's log into a curve.

    Raises:
        ValueError: If a loss is not a finite number.
    """
    names = {"loss": "loss", "eval_loss": "dev_loss", "grad_norm": "grad_norm"}
    curve = []
    for entry in log_history:
        point = {names[name]: float(entry[name]) for name in names if name in entry}
        if not point:
            continue
        if not all(math.isfinite(value) for value in point.values()):
            raise ValueError(f"training diverged at step {entry['step']}: {point}")
        curve.append({"step": entry["step"], "epoch": entry["epoch"], **point})
    return curve
