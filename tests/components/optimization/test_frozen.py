"""Frozen weights are cast once, for as long as a fit lasts, and change no number."""

import pytest
import torch
from torch import nn

from components.optimization.frozen import cast_frozen


def make_model():
    """Return an embedding, a frozen layer, a trained one and a frozen head, tied."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 5))
    model[3].weight = model[0].weight
    for at in (0, 1, 3):
        model[at].requires_grad_(False)
    return model


def step(model):
    """Return the loss and the gradient of a step under autocast."""
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(torch.tensor([[0, 1], [3, 4]])).float().square().sum()
    model.zero_grad()
    loss.backward()
    return float(loss), model[2].weight.grad.clone()


def test_only_frozen_layers_compute_with_copies():
    model = make_model()
    before = dict(model.named_parameters(remove_duplicate=False))
    with cast_frozen(model):
        within = dict(model.named_parameters(remove_duplicate=False))
    cast = {name for name, weight in within.items() if weight.dtype == torch.bfloat16}
    assert cast == {"1.weight", "1.bias", "3.weight", "3.bias"}
    assert all(weight is before[name] for name, weight in within.items() if name not in cast)
    after = dict(model.named_parameters(remove_duplicate=False))
    assert all(after[name] is weight for name, weight in before.items())


def test_loss_and_gradients_are_to_the_bit_those_of_autocast_alone():
    model = make_model()
    loss, gradient = step(model)
    with cast_frozen(model):
        loss_cast, gradient_cast = step(model)
    assert loss_cast == loss
    assert torch.equal(gradient_cast, gradient)


def test_weights_are_put_back_after_an_error():
    model = make_model()
    with pytest.raises(ZeroDivisionError), cast_frozen(model):
        raise ZeroDivisionError
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
