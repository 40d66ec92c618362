"""Questions and behavior vectors as the examples that a user embedder learns from and answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from datasets import Dataset as Table
from torch.utils.data import Dataset

from components.llm.config import LLMConfig
from components.training.config import TrainingConfig
from components.user_embedder.collator import Example, drop_history


def build_examples(
    questions: Table, vectors: np.ndarray, rows: Sequence[int] | np.ndarray, llm: LLMConfig
) -> list[Example]:
    """Turn rows of the question table into examples with their whole histories.

    Args:
        questions: The question table.
        vectors: Behavior vectors of all history items, float16 [N, E].
        rows: Which questions.
        llm: Says what the LLM reads.
    """
    chosen = questions.select(rows)
    columns = zip(
        chosen[llm.reads], chosen["payload"], chosen["history"], chosen["output"], strict=True
    )
    return [
        Example(prompt, payload, vectors[np.asarray(history, dtype=np.int64)], answer)
        for prompt, payload, history, answer in columns
    ]


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
        kept = drop_history(
            len(history), self.config.min_kept_share, self.config.history_dropout, rng
        )
        return example._replace(history=history[kept])
