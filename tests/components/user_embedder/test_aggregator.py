"""The aggregator and the projector, worked by hand."""

import math

import pytest
import torch
from torch import nn

from components.user_embedder.aggregator import PersonalAggregator, Projector

E = math.e
HISTORY = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [5.0, 5.0]]])
MASK = torch.tensor([[1, 1, 0]])
INPUT = torch.tensor([[1.0, 0.0]])


def make_aggregator(temperature=1.0, null=(0.0, 0.0)):
    aggregator = PersonalAggregator(2, temperature)
    with torch.no_grad():
        aggregator.null_vector.copy_(torch.tensor(null))
    return aggregator


def test_weights_by_hand():
    # x . rows = 0 (null), 1, 0; the third item is padding.
    rows, weights = make_aggregator()(INPUT, HISTORY, MASK)
    total = 1 + E + 1
    torch.testing.assert_close(weights, torch.tensor([[1 / total, E / total, 1 / total, 0]]))
    assert rows[0, :3].tolist() == [[0, 0], [1, 0], [0, 1]]


def test_temperature_and_null_row_by_hand():
    # x . null = 2, all divided by one half: exp of 4, 2 and 0.
    _, weights = make_aggregator(0.5, (2.0, 7.0))(INPUT, HISTORY, MASK)
    total = E**4 + E**2 + 1
    torch.testing.assert_close(weights, torch.tensor([[E**4, E**2, 1, 0]]) / total)


def test_without_an_input_every_row_weighs_the_same():
    _, weights = make_aggregator()(
        None, HISTORY.repeat(2, 1, 1), torch.tensor([[1, 1, 0], [0] * 3])
    )
    torch.testing.assert_close(weights, torch.tensor([[1, 1, 1, 0], [3, 0, 0, 0]]) / 3)


@pytest.mark.parametrize("width", [0, 3])
def test_an_empty_history_is_the_null_row(width):
    history, mask = torch.zeros(1, width, 2), torch.zeros(1, width, dtype=torch.long)
    rows, weights = make_aggregator(null=(0.5, -2.0))(INPUT, history, mask)
    assert weights.tolist() == [[1.0] + [0.0] * width]
    assert rows[0, 0].tolist() == [0.5, -2.0]


def test_the_projector_by_hand():
    projector = Projector(2, 2, 1)
    projector.standardize_by(torch.tensor([[1.0, 1.0], [3.0, 5.0]]))
    spread = math.sqrt(2)  # of 1 and 3; of 1 and 5 it is twice that
    with torch.no_grad():
        projector.first.weight.copy_(torch.eye(2))
        projector.first.bias.copy_(torch.tensor([0.0, 1.0]))
        projector.second.weight.copy_(torch.tensor([[2.0, 10.0]]))
        projector.second.bias.fill_(0.5)
    # Standardized: (1, -1) and (0, 0). With the bias: (1, 0) and (0, 1); gelu(1) = 0.841345.
    rows = torch.tensor([[[2 + spread, 3 - 2 * spread], [2.0, 3.0]]])
    persona = projector(rows, torch.tensor([[0.25, 0.75]]))
    expected = 0.25 * 2 * 0.841345 + 0.75 * 10 * 0.841345 + 0.5
    assert persona.item() == pytest.approx(expected, abs=1e-5)


def test_the_second_layer_after_the_sum_equals_the_paper_item_by_item():
    torch.manual_seed(0)
    projector, rows = Projector(6, 9, 4), torch.randn(3, 5, 6)
    projector.standardize_by(torch.randn(50, 6) * 3 + 1)
    nn.init.normal_(projector.first.bias)
    nn.init.normal_(projector.second.bias)
    weights = torch.randn(3, 5).softmax(dim=1)
    slow = torch.stack(
        [
            sum(
                weights[b, i]
                * projector.second(
                    nn.functional.gelu(
                        projector.first((rows[b, i] - projector.center) / projector.spread)
                    )
                )
                for i in range(5)
            )
            for b in range(3)
        ]
    )
    torch.testing.assert_close(projector(rows, weights), slow)


def test_constant_elements_and_single_vectors_do_not_blow_up():
    projector = Projector(2, 3, 1)
    projector.standardize_by(torch.tensor([[0.5, 1.0], [0.5, 3.0]]))
    assert torch.isfinite(projector(torch.tensor([[[0.5, 2.0]]]), torch.ones(1, 1))).all()
    projector.standardize_by(torch.tensor([[9.0, 9.0]]))
    assert projector.center.tolist() == [0.5, 2.0]  # one vector says nothing about spread
