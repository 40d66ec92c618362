"""The order in which questions are read: the seed's and the epoch's, whatever happened before."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import Sampler

EPOCH_STRIDE = 1_000_003
"""Keeps the seeds of one run's epochs apart from those of the next seeds' runs."""

NUM_SORTED_TOGETHER = 8
"""Steps whose questions are sorted by length among themselves: enough to save most padding."""


class SeededOrder(Sampler[int]):
    """Positions of all questions in random order, or so that steps read questions of like length.

    An order that came from a running generator could not be had again by a run that goes on in the
    third epoch. Steps of like length come in random order: transformers' own grouping goes from
    long to short, fifty steps at a time, which cost the quickstart's LLM .03 of accuracy
    (docs/experiments.md, 2026-11-27).

    Args:
        num_questions: How many there are.
        lengths: Of every question, in any unit; None for an order that is random throughout.
        batch_size: Questions a step.
        seed: The run's.
    """

    def __init__(
        self, num_questions: int, lengths: Sequence[int] | None, batch_size: int, seed: int
    ) -> None:
        self.num_questions, self.lengths = num_questions, lengths
        self.batch_size, self.seed = batch_size, seed
        self.epoch = 0

    def __len__(self) -> int:
        return self.num_questions

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed + EPOCH_STRIDE * self.epoch)
        order = torch.randperm(self.num_questions, generator=generator)
        if self.lengths is not None:
            order = group_by_length(order, torch.tensor(self.lengths), self.batch_size, generator)
        return iter(order.tolist())


def group_by_length(
    order: Tensor, lengths: Tensor, batch_size: int, generator: torch.Generator
) -> Tensor:
    """Return a random order so changed that the questions of a step are of like length.

    Args:
        order: Random positions of the questions, int64 [N].
        lengths: Of every question, [N].
        batch_size: Questions a step; a step that is not full stays the last one.
        generator: Draws the order of the steps.
    """
    neighbours = order.split(NUM_SORTED_TOGETHER * batch_size)
    by_length = torch.cat([part[lengths[part].argsort(stable=True)] for part in neighbours])
    steps = by_length.split(batch_size)
    num_full = len(order) // batch_size
    turns = torch.randperm(num_full, generator=generator).tolist()
    return torch.cat([*(steps[turn] for turn in turns), *steps[num_full:]])
