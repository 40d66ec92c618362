"""Which of torch's ways to compute attention a step takes."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

MAX_PLAIN_TOKENS = 128
"""Longest texts, in tokens, whose attention is computed plainly on a CPU in bfloat16. There the
fused backward pass takes 12 times as long at 20 tokens, 3 times at 128, a third at 256."""


def choose_attention(batch: Mapping[str, Tensor], device: str) -> AbstractContextManager[Any]:
    """Return what makes a step in bfloat16 compute attention the faster way.

    Args:
        batch: The masks of texts, [B, T], are those whose names end with `attention_mask`.
        device: The kind of device that computes it: `cpu`, `cuda`.
    """
    widths = [mask.shape[1] for name, mask in batch.items() if name.endswith("attention_mask")]
    is_plain = device == "cpu" and max(widths, default=0) <= MAX_PLAIN_TOKENS
    return sdpa_kernel(SDPBackend.MATH) if is_plain else nullcontext()
