"""Fit a model's trainable parameters with transformers' Trainer; see `FitConfig` for the recipe."""

import logging
import math
import tempfile
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils.data import Dataset

from components.optimization.config import FitConfig

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


def uses_bfloat16(autocast: str) -> bool:
    """Decide the arithmetic of the matrix products from the setting and the hardware."""
    if autocast == "auto":
        if torch.cuda.is_available():
            return torch.cuda.is_bf16_supported(including_emulation=False)
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return autocast == "bfloat16"


def group_parameters(
    model: nn.Module, config: FitConfig, pretrained_prefixes: Sequence[str]
) -> list[dict[str, Any]]:
    """Split the trainable parameters by learning rate: pretrained ones move more slowly."""
    trainable = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    prefixes = tuple(pretrained_prefixes)
    pretrained = [p for n, p in trainable if n.startswith(prefixes)] if prefixes else []
    known = {id(p) for p in pretrained}
    new = [p for _, p in trainable if id(p) not in known]
    groups = [
        {"params": new, "lr": config.learning_rate},
        {"params": pretrained, "lr": config.encoder_learning_rate},
    ]
    return [group for group in groups if group["params"]]


def fit(
    model: nn.Module,
    inputs: FitInputs,
    config: FitConfig,
    seed: int,
    pretrained_prefixes: Sequence[str] = (),
) -> Curve:
    """Fit `model`, whose forward returns a dict with `loss`, in place.

    Args:
        model: Moved to the GPU by Trainer where there is one.
        inputs: Examples and their collator.
        config: The recipe.
        seed: Seeds the order of examples and dropout.
        pretrained_prefixes: Names of parameters that take `encoder_learning_rate`.

    Returns:
        The curve of training and dev losses.

    Raises:
        ValueError: If there is nothing to train on, or the loss stops being a number.
    """
    # Imported here: it takes seconds, and a run whose steps are all cached fits nothing.
    from transformers import PrinterCallback, Trainer, TrainingArguments
    from transformers.trainer_pt_utils import LengthGroupedSampler

    class _Trainer(Trainer):  # type: ignore[misc]
        """Trainer; its own grouping by length asks for a `datasets.Dataset`."""

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            if inputs.lengths is None:
                return super()._get_train_sampler(train_dataset)
            # One of its own: the model's dropout draws from torch's, and differs between arms.
            generator = torch.Generator().manual_seed(seed)
            lengths = list(inputs.lengths)
            return LengthGroupedSampler(config.batch_size, lengths=lengths, generator=generator)

    num_examples = len(inputs.train)  # type: ignore[arg-type]
    if num_examples == 0:
        raise ValueError(
            "no training questions: check data and the share kept for the LLM's tuning"
        )
    num_steps = math.ceil(num_examples / config.batch_size * config.num_epochs)
    log_every = max(1, num_steps // config.num_log_points)
    groups = group_parameters(model, config, pretrained_prefixes)
    optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=True)
    with tempfile.TemporaryDirectory() as output_dir:
        arguments = TrainingArguments(
            output_dir=output_dir,
            num_train_epochs=config.num_epochs,
            per_device_train_batch_size=config.batch_size,
            per_device_eval_batch_size=2 * config.batch_size,
            warmup_steps=max(1, round(config.warmup_share * num_steps)),
            max_grad_norm=config.max_grad_norm,
            logging_steps=log_every,
            eval_strategy="steps" if inputs.dev is not None else "no",
            eval_steps=math.ceil(num_steps / 5),
            save_strategy="no",
            report_to=[],
            remove_unused_columns=False,
            label_names=["labels"],
            prediction_loss_only=True,
            use_cpu=not torch.cuda.is_available(),
            bf16=uses_bfloat16(config.autocast),
            seed=seed,
            data_seed=seed,
        )
        trainer = _Trainer(
            model=model,
            args=arguments,
            train_dataset=inputs.train,
            eval_dataset=inputs.dev,
            data_collator=inputs.collate,
            optimizers=(optimizer, None),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return read_curve(trainer.state.log_history)


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
