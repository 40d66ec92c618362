"""Every question once, steps of like length, in an order that hangs on seed and epoch alone."""

from itertools import pairwise

import torch

from components.optimization.order import NUM_SORTED_TOGETHER, SeededOrder

BATCH = 4
LENGTHS = torch.randint(1, 200, (230,), generator=torch.Generator().manual_seed(7)).tolist()


def list_order(seed=0, epoch=0, lengths=LENGTHS):
    order = SeededOrder(len(LENGTHS), lengths, BATCH, seed)
    order.epoch = epoch
    return list(order)


def split_steps(order):
    return [order[start : start + BATCH] for start in range(0, len(order), BATCH)]


def test_every_question_comes_once_whether_grouped_or_not():
    for lengths in (LENGTHS, None):
        assert sorted(list_order(lengths=lengths)) == list(range(230))
    assert list(SeededOrder(3, [5, 1, 2], BATCH, 0)) == [1, 2, 0]


def test_the_order_hangs_on_seed_and_epoch_alone():
    for lengths in (LENGTHS, None):
        first = list_order(lengths=lengths)
        assert list_order(lengths=lengths) == first
        assert list_order(seed=1, lengths=lengths) != first
        assert list_order(epoch=1, lengths=lengths) != first


def waste(order):
    """Return the share of places that would be padding."""
    padded = sum(max(LENGTHS[q] for q in step) * len(step) for step in split_steps(order))
    return 1 - sum(LENGTHS) / padded


def test_steps_read_questions_of_like_length():
    assert waste(list_order(lengths=None)) > 0.3
    assert waste(list_order()) < 0.15


def test_long_steps_and_short_ones_come_in_no_order():
    """Unlike transformers' grouping, whose neighbours grow shorter step by step."""
    order = list_order()
    means = [sum(LENGTHS[q] for q in step) / len(step) for step in split_steps(order)]
    falls = [before > after for before, after in pairwise(means)]
    assert 0.3 < sum(falls) / len(falls) < 0.7
    assert len(split_steps(order)[-1]) == 230 % BATCH  # the step that is not full


def test_a_steps_questions_are_drawn_from_few_others():
    """Who meets whom changes from epoch to epoch: they are no fixed classes of length."""
    together = [frozenset(step) for epoch in (0, 1) for step in split_steps(list_order(0, epoch))]
    assert len(set(together)) > 0.9 * len(together)
    assert NUM_SORTED_TOGETHER * BATCH < 230
