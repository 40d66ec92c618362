"""Examples with their positions, so that an error can name the questions of a step."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import Dataset

POSITIONS = "positions"
"""Of a batch's questions among the examples, int64 [B]: the batch's key beside the model's."""


@dataclass
class Numbered(Dataset[tuple[int, Any]]):
    """Examples with their positions."""

    examples: Dataset[Any]

    def set_epoch(self, epoch: int) -> None:
        """Tell examples that differ by epoch."""
        if hasattr(self.examples, "set_epoch"):
            self.examples.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.examples)  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> tuple[int, Any]:
        return index, self.examples[index]


def collate_numbered(
    collate: Callable[[list[Any]], dict[str, Any]], pairs: list[tuple[int, Any]]
) -> dict[str, Any]:
    """Collate numbered examples, and say their positions too."""
    positions, examples = zip(*pairs, strict=True)
    return {**collate(list(examples)), POSITIONS: torch.tensor(positions)}
