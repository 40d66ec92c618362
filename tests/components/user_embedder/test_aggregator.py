"""The aggregator and the projector, worked by hand."""

import math

import pytest
import torch
from torch import nn

from components.user_embedder.aggregator import (
    NUMBER_SCALE,
    PersonalAggregator,
    Projector,
    rank_items,
)

E = math.e
HISTORY = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [5.0, 5.0]]])
MASK = torch.tensor([[1, 1, 0]])
INPUT = torch.tensor([[1.0, 0.0]])


def make_aggregator(temperature=1.0, null=(0.0, 0.0), null_logit=0.0, center=(0.0, 0.0)):
    aggregator = PersonalAggregator(2, temperature)
    with torch.no_grad():
        aggregator.null_vector.copy_(torch.tensor(null))
        aggregator.null_logit.fill_(null_logit)
        aggregator.center.copy_(torch.tensor(center))
    return aggregator


def test_weights_by_hand():
    # Logits 0 (null), 1, 0; the third item is padding.
    rows, weights = make_aggregator()(INPUT, HISTORY, MASK)
    total = 1 + E + 1
    torch.testing.assert_close(weights, torch.tensor([[1 / total, E / total, 1 / total, 0]]))
    assert rows[0, :3].tolist() == [[0, 0], [1, 0], [0, 1]]


def test_temperature_and_null_row_by_hand():
    # The null row's own logit is 2, whatever the null row says; all is divided by one half.
    _, weights = make_aggregator(0.5, (-9.0, 7.0), null_logit=2.0)(INPUT, HISTORY, MASK)
    total = E**4 + E**2 + 1
    torch.testing.assert_close(weights, torch.tensor([[E**4, E**2, 1, 0]]) / total)


def test_rows_are_relative_to_the_average_item_and_weights_among_items_are_not():
    plain, centred = make_aggregator(), make_aggregator(center=(0.25, 3.0))
    rows, weights = centred(INPUT, HISTORY, MASK)
    assert rows[0, :3].tolist() == [[0, 0], [0.75, -3], [-0.25, -2]]
    _, others = plain(INPUT, HISTORY, MASK)
    torch.testing.assert_close(weights[0, 1] / weights[0, 2], others[0, 1] / others[0, 2])


def test_no_input_gives_every_user_to_the_null_row():
    """About the average item x . h is zero on average: for some users it lies above the null."""
    torch.manual_seed(0)
    histories, mask = torch.randn(40, 5, 2) + 3, torch.ones(40, 5)
    aggregator = make_aggregator(0.1, center=tuple(histories.mean(dim=(0, 1)).tolist()))
    for angle in torch.linspace(0, 2 * math.pi, 16):
        direction = torch.stack([angle.cos(), angle.sin()]).expand(40, -1)
        _, weights = aggregator(direction, histories, mask)
        assert weights[:, 0].mean() < 0.2


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
    with torch.no_grad():
        projector.spread.copy_(torch.tensor([1.0, 2.0]))
        projector.first.weight.copy_(torch.eye(2))
        projector.first.bias.copy_(torch.tensor([0.0, 1.0]))
        projector.second.weight.copy_(torch.tensor([[2.0, 10.0]]))
        projector.second.bias.fill_(0.5)
    # Scaled: (1, -1) and (0, 0). With the bias: (1, 0) and (0, 1); gelu(1) = 0.841345.
    rows = torch.tensor([[[1.0, -2.0], [0.0, 0.0]]])
    persona = projector(rows, torch.tensor([[0.25, 0.75]]))
    expected = 0.25 * 2 * 0.841345 + 0.75 * 10 * 0.841345 + 0.5
    assert persona.item() == pytest.approx(expected, abs=1e-5)


def test_the_second_layer_after_the_sum_equals_the_paper_item_by_item():
    torch.manual_seed(0)
    projector, rows = Projector(6, 9, 4), torch.randn(3, 5, 6)
    projector.spread.copy_(torch.rand(6) + 0.5)
    nn.init.normal_(projector.first.bias)
    nn.init.normal_(projector.second.bias)
    weights = torch.randn(3, 5).softmax(dim=1)
    slow = torch.stack(
        [
            sum(
                weights[b, i]
                * projector.second(
                    nn.functional.gelu(projector.first(rows[b, i] / projector.spread))
                )
                for i in range(5)
            )
            for b in range(3)
        ]
    )
    torch.testing.assert_close(projector(rows, weights)[:, 0], slow)


def test_several_persona_vectors_share_the_hidden_layer_and_nothing_else():
    torch.manual_seed(0)
    rows, weights = torch.randn(3, 5, 6), torch.randn(3, 5).softmax(dim=1)
    both = Projector(6, 9, 4, num_vectors=2)
    personas = both(rows, weights)
    assert personas.shape == (3, 2, 4)
    for vector, part in enumerate((slice(0, 4), slice(4, 8))):
        alone = Projector(6, 9, 4)
        alone.first = both.first
        with torch.no_grad():
            alone.second.weight.copy_(both.second.weight[part])
            alone.second.bias.copy_(both.second.bias[part])
        torch.testing.assert_close(alone(rows, weights)[:, 0], personas[:, vector])


def test_a_learned_temperature_starts_as_set_and_falls_where_likeness_decides():
    """The answer is the item that is like the input: sharper attention finds it."""
    torch.manual_seed(0)
    aggregator = PersonalAggregator(4, temperature=0.5, learns_temperature=True)
    fixed = PersonalAggregator(4, temperature=0.5)
    history = nn.functional.normalize(torch.randn(16, 6, 4), dim=-1)
    inputs, mask = history[:, 2], torch.ones(16, 6, dtype=torch.long)
    torch.testing.assert_close(
        aggregator(inputs, history, mask)[1], fixed(inputs, history, mask)[1]
    )
    optimizer = torch.optim.AdamW(aggregator.parameters(), lr=1e-2)
    for _ in range(30):
        weights = aggregator(inputs, history, mask)[1]
        loss = -weights[:, 3].log().mean()  # the null row stands first
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert 0 < aggregator.temperature.item() < 0.25
    assert fixed.temperature == 0.5


def test_what_stands_in_padding_is_never_read():
    torch.manual_seed(0)
    aggregator, projector = PersonalAggregator(6), Projector(6, 9, 4)
    history, input_BE = torch.randn(2, 4, 6), torch.randn(2, 6)
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]])
    broken = history.clone()
    broken[0, 2:] = float("nan")
    torch.testing.assert_close(
        projector(*aggregator(input_BE, broken, mask)),
        projector(*aggregator(input_BE, history, mask)),
    )


HALVING, HARMONIC = (math.log(2), 0.0), (0.0, 1.0)
"""Slopes with which an item of rank r weighs 1 / 2^r, and 1 / (1 + r)."""


def make_forgetful(slopes, temperature=1.0):
    aggregator = PersonalAggregator(2, temperature, has_recency=True)
    with torch.no_grad():
        aggregator.slopes.copy_(torch.tensor(slopes) / NUMBER_SCALE)
    return aggregator


@pytest.mark.parametrize(
    ("slopes", "by_age"),
    [
        (HALVING, [1 / 4, 1 / 2, 1]),
        (HARMONIC, [1 / 3, 1 / 2, 1]),
        ((math.log(2), 1.0), [1 / 12, 1 / 4, 1]),
        ((-math.log(2), 0.0), [4, 2, 1]),
        ((0.0, 0.0), [1, 1, 1]),
    ],
)
def test_slopes_by_hand(slopes, by_age):
    """Oldest first; the null row and the newest item weigh the same, and no slope moves them."""
    history, mask = torch.zeros(1, 3, 2), torch.ones(1, 3)
    _, weights = make_forgetful(slopes)(INPUT, history, mask)
    torch.testing.assert_close(weights, torch.tensor([[1.0, *by_age]]) / (1 + sum(by_age)))


def test_likeness_and_recency_multiply_and_temperature_is_the_likenesss_alone():
    # Likeness 1 and 0, by one half: e^2 and 1; the older one counts a half.
    history = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    _, weights = make_forgetful(HALVING, temperature=0.5)(INPUT, history, torch.ones(1, 2))
    torch.testing.assert_close(weights, torch.tensor([[1, E**2 / 2, 1]]) / (1 + E**2 / 2 + 1))


def test_ranks_count_from_the_newest_item_and_not_from_the_padding():
    ranks = rank_items(torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]]))
    assert ranks[0, :2, 0].tolist() == [1, 0]
    assert ranks[1, :, 0].tolist() == [3, 2, 1, 0]
    assert ranks[2, 0].tolist() == [0, 0]
    torch.testing.assert_close(ranks[1, :, 1], torch.tensor([4.0, 3.0, 2.0, 1.0]).log())
    assert torch.isfinite(ranks).all()


@pytest.mark.parametrize("width", [0, 3])
def test_an_empty_history_is_the_null_row_with_recency_too(width):
    history, mask = torch.zeros(1, width, 2), torch.zeros(1, width, dtype=torch.long)
    _, weights = make_forgetful(HALVING)(INPUT, history, mask)
    assert weights.tolist() == [[1.0] + [0.0] * width]


def test_padding_and_batch_leave_weights_as_they_are():
    torch.manual_seed(0)
    forgetful, inputs = make_forgetful((0.3, 0.7)), torch.randn(2, 2)
    short, long = torch.randn(1, 2, 2), torch.randn(1, 5, 2)
    padded = torch.cat([short, torch.full((1, 3, 2), 9.0)], dim=1)
    mask = torch.tensor([[1, 1, 0, 0, 0], [1, 1, 1, 1, 1]])
    _, together = forgetful(inputs, torch.cat([padded, long]), mask)
    _, alone = forgetful(inputs[:1], short, torch.ones(1, 2))
    torch.testing.assert_close(together[:1, :3], alone)
    assert together[0, 3:].tolist() == [0, 0, 0]
    _, alone = forgetful(inputs[1:], long, torch.ones(1, 5))
    torch.testing.assert_close(together[1:], alone)


def test_the_order_that_is_passed_is_the_order_in_time():
    """What differs between two orders of the same items is the decay by their places alone."""
    torch.manual_seed(0)
    history, mask = torch.randn(1, 4, 2), torch.ones(1, 4)
    forgetful = make_forgetful(HALVING)
    rows, weights = forgetful(INPUT, history, mask)
    back_rows, back = forgetful(INPUT, history.flip(1), mask)
    torch.testing.assert_close(back_rows[:, 1:], rows[:, 1:].flip(1))
    factors = (back[:, 1:].flip(1) / weights[:, 1:]) * (weights[:, :1] / back[:, :1])
    torch.testing.assert_close(factors, torch.tensor([[8.0, 2.0, 1 / 2, 1 / 8]]))


def test_without_recency_it_is_the_papers_softmax_beside_a_null_row():
    torch.manual_seed(0)
    paper, forgetful = PersonalAggregator(2), make_forgetful((0.0, 0.0))
    assert [name for name, _ in paper.named_parameters()] == ["null_vector", "null_logit"]
    history, inputs = torch.randn(3, 6, 2), torch.randn(3, 2)
    _, weights = paper(inputs, history, torch.ones(3, 6))
    pairs = zip(inputs, history, strict=True)
    slow = torch.stack([(items @ x).softmax(dim=0) for x, items in pairs])
    torch.testing.assert_close(weights[:, 1:] / (1 - weights[:, :1]), slow)
    torch.testing.assert_close(forgetful(inputs, history, torch.ones(3, 6))[1], weights)


def test_slopes_start_at_zero_and_learn_that_the_newest_items_count():
    torch.manual_seed(0)
    aggregator, history = PersonalAggregator(2, has_recency=True), torch.randn(8, 5, 2)
    assert aggregator.slopes.tolist() == [0, 0]
    _, weights = aggregator(torch.zeros(8, 2), history, torch.ones(8, 5))
    (-weights[:, -1].log().mean()).backward()
    assert (aggregator.slopes.grad < 0).all()  # a step against it lets old items fade
