"""Questions and behavior vectors as the examples that a user embedder learns from and answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, overload

import numpy as np
from torch.utils.data import Dataset

from components.llm.config import LLMConfig
from components.training.config import TrainingConfig
from components.user_embedder.collator import Example, drop_history

if TYPE_CHECKING:
    from datasets import Dataset as Table


@dataclass(frozen=True)
class Examples(Sequence[Example]):
    """Questions; a history's vectors are copied from the memory map only when they are asked for.

    Args:
        prompts: What the LLM reads.
        payloads: What the input encoder reads.
        histories: Rows of `vectors`, oldest first, int64 [H] each.
        answers: The gold outputs.
        vectors: Behavior vectors of all history items, float16 [N, E].
    """

    prompts: Sequence[str]
    payloads: Sequence[str]
    histories: Sequence[np.ndarray]
    answers: Sequence[str]
    vectors: np.ndarray

    def __len__(self) -> int:
        return len(self.prompts)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> list[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | list[Example]:
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        history = self.vectors[self.histories[index]]
        return Example(self.prompts[index], self.payloads[index], history, self.answers[index])

    def with_histories(self, histories: Sequence[Sequence[int]]) -> "Examples":
        """Return the same questions with other histories, as rows of `vectors`."""
        return replace(self, histories=[np.asarray(rows, dtype=np.int64) for rows in histories])


def build_examples(
    questions: "Table", vectors: np.ndarray, rows: Sequence[int] | np.ndarray, llm: LLMConfig
) -> Examples:
    """Turn rows of the question table into examples with their whole histories.

    Args:
        questions: The question table.
        vectors: Behavior vectors of all history items, float16 [N, E].
        rows: Which questions.
        llm: Says what the LLM reads.
    """
    chosen = questions.select(rows)
    return Examples(
        prompts=list(chosen[llm.reads]),
        payloads=list(chosen["payload"]),
        histories=[np.asarray(history, dtype=np.int64) for history in chosen["history"]],
        answers=list(chosen["output"]),
        vectors=vectors,
    )


@dataclass
class TrainingExamples(Dataset[Example]):
    """Examples whose histories lose random items, seeded by run, epoch and question."""

    examples: Sequence[Example]
    config: TrainingConfig
    max_history_items: int
    seed: int
    epoch: int = 0

    def set_epoch(self, epoch: int) -> None:
        """Draw other histories from here on."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Example:
        example = self.examples[index]
        history = example.history[-self.max_history_items :]
        rng = np.random.default_rng((self.seed, self.epoch, index))
        if rng.random() < self.config.empty_rate:
            return example._replace(history=history[:0])
        kept = drop_history(
            len(history), self.config.min_kept_share, self.config.history_dropout, rng
        )
        return example._replace(history=history[kept])
