"""The order in which questions are read: the seed's and the epoch's, whatever happened before."""

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices

EPOCH_STRIDE = 1_000_003
"""Keeps the seeds of one run's epochs apart from those of the next seeds' runs."""


class SeededOrder(Sampler[int]):
    """Positions of all questions in random order, or so that steps read questions of like length.

    An order that came from a running generator could not be had again by a run that goes on in the
    third epoch.

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
        if self.lengths is None:
            return iter(torch.randperm(self.num_questions, generator=generator).tolist())
        lengths = list(self.lengths)
        return iter(get_length_grouped_indices(lengths, self.batch_size, generator=generator))
