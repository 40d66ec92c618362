"""Copies of frozen weights in bfloat16, made once a fit."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def cast_frozen(model: nn.Module) -> Iterator[None]:
    """Let frozen linear layers compute with bfloat16 copies of their weights; then put these back.

    Autocast would make the same copies at every step: of a small LLM's vocabulary that takes longer
    than the product. A weight that is an embedding too stays float32 where it is one.

    Args:
        model: Runs under autocast to bfloat16, and is where it is trained: on its GPU or the CPU.

    Yields:
        Nothing; then all weights are as they were.
    """
    frozen = [
        (layer, name, weight)
        for layer in model.modules()
        if isinstance(layer, nn.Linear)
        for name, weight in layer.named_parameters(recurse=False)
        if not weight.requires_grad and weight.dtype == torch.float32
    ]
    for layer, name, weight in frozen:
        setattr(layer, name, nn.Parameter(weight.bfloat16(), requires_grad=False))
    try:
        yield
    finally:
        for layer, name, weight in frozen:
            setattr(layer, name, weight)
