"""A step attends plainly where that is faster, and as the transformers are set elsewhere."""

import pytest
import torch
from torch import nn
from transformers import BertConfig, BertModel

from components.optimization.attention import choose_attention


def make_model():
    """Return two transformers that attend in different ways."""
    sizes = {"hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1, "vocab_size": 9}
    fused, plain = (BertModel(BertConfig(**sizes)) for _ in range(2))
    plain.set_attn_implementation("eager")
    return nn.ModuleList([fused, plain])


def name_ways(model):
    return [part.config._attn_implementation for part in model]


@pytest.mark.parametrize(
    ("num_tokens", "device", "expected"),
    [(20, "cpu", "eager"), (128, "cpu", "eager"), (129, "cpu", "sdpa"), (20, "cuda", "sdpa")],
)
def test_short_texts_on_a_cpu_are_attended_to_plainly(num_tokens, device, expected):
    model = make_model()
    batch = {"attention_mask": torch.ones(2, 3), "llm_attention_mask": torch.ones(2, num_tokens)}
    with choose_attention(model, batch, device):
        assert name_ways(model) == [expected, "eager"]
    assert name_ways(model) == ["sdpa", "eager"]


def test_after_an_error_they_attend_as_before():
    model = make_model()
    with pytest.raises(ZeroDivisionError), choose_attention(model, {}, "cpu"):
        raise ZeroDivisionError
    assert name_ways(model) == ["sdpa", "eager"]
