"""A step computes attention plainly where that is faster, and in the fused way elsewhere."""

import pytest
import torch
from torch.nn import functional

from components.optimization.attention import choose_attention


def name_backward(num_tokens, device):
    """Return what the gradient of an attention goes through."""
    batch = {"attention_mask": torch.ones(2, 3), "llm_attention_mask": torch.ones(2, num_tokens)}
    query = torch.ones(2, 1, num_tokens, 4, requires_grad=True)
    with choose_attention(batch, device):
        said = functional.scaled_dot_product_attention(query, query, query)
    return said.grad_fn.name()


@pytest.mark.parametrize(
    ("num_tokens", "device", "is_fused"),
    [(20, "cpu", False), (128, "cpu", False), (129, "cpu", True), (20, "cuda", True)],
)
def test_short_texts_on_a_cpu_are_attended_to_plainly(num_tokens, device, is_fused):
    assert ("Flash" in name_backward(num_tokens, device)) is is_fused


def test_a_batch_without_texts_is_as_good_as_short():
    with choose_attention({"x": torch.ones(2, 500)}, "cpu"):
        assert not torch.backends.cuda.flash_sdp_enabled()
    assert torch.backends.cuda.flash_sdp_enabled()
