"""Which of transformers' ways to compute attention a step takes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor, nn
from transformers import PreTrainedModel

MAX_PLAIN_TOKENS = 128
"""Longest texts, in tokens, whose attention is computed plainly on a CPU in bfloat16. There a
step's fused attention takes six times as long at 20 tokens and 1.6 times at 128; at 256 it takes
half as long (docs/experiments.md, 2026-11-29)."""


@contextmanager
def choose_attention(model: nn.Module, batch: Mapping[str, Tensor], device: str) -> Iterator[None]:
    """Let a step in bfloat16 compute attention the faster way, forward and backward.

    Args:
        model: The transformers within it compute the step.
        batch: The masks of texts, [B, T], are those whose names end with `attention_mask`.
        device: The kind of device that computes it: `cpu`, `cuda`.

    Yields:
        Nothing; then the transformers are as they were.
    """
    widths = [mask.shape[1] for name, mask in batch.items() if name.endswith("attention_mask")]
    is_plain = device == "cpu" and max(widths, default=0) <= MAX_PLAIN_TOKENS
    parts = [part for part in model.modules() if is_plain and isinstance(part, PreTrainedModel)]
    usual = [part.config._attn_implementation for part in parts]
    for part in parts:
        part.set_attn_implementation("eager")
    try:
        yield
    finally:
        # Outer ones stand before the inner ones, which they would set too.
        for part, name in zip(parts, usual, strict=True):
            part.set_attn_implementation(name)
