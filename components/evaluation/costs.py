"""What an arm costs: tokens that the LLM reads for a question, bytes that are kept for a user."""

from collections.abc import Sequence

import numpy as np

from components.evaluation.arm_table import Arm
from components.histories.tables import Histories
from components.llm.config import LLMConfig
from components.llm.frozen_llm import FrozenLLM, tokenize_prompts
from components.tasks.task import Task

BYTES_PER_COUNT = 4
VECTOR_BYTES = np.dtype(np.float16).itemsize


def count_tokens(llm: FrozenLLM, prompts: Sequence[str], config: LLMConfig, num_soft: int) -> float:
    """Return the mean number of places that the LLM reads for a prompt, soft prompt included."""
    ids = tokenize_prompts(llm, list(prompts), config.max_input_length)
    return float(np.mean([len(row) for row in ids])) + len(llm.layout.front) + num_soft


class StoredBytes:
    """How much the evaluated users' histories take, as vectors or as text.

    Args:
        histories: The tables.
        rows: The evaluated questions; a user's history is the longest one among them.
        vector_dim: Width E of the behavior vectors.
    """

    def __init__(self, histories: Histories, rows: Sequence[int], vector_dim: int) -> None:
        longest: dict[str, Sequence[int]] = {}
        chosen = histories.questions.select(rows)
        for user, history in zip(chosen["user_id"], chosen["history"], strict=True):
            if len(history) >= len(longest.get(user, ())):
                longest[user] = history
        texts = histories.items["text"]
        sizes = [sum(len(texts[row].encode()) for row in items) for items in longest.values()]
        self.text = float(np.mean(sizes))
        num_items = float(np.mean([len(items) for items in longest.values()]))
        self.vectors = num_items * vector_dim * VECTOR_BYTES

    def of_arm(self, arm: Arm, reads_history: bool) -> float:
        """Return the mean bytes that an arm keeps for a user.

        Args:
            arm: Which arm.
            reads_history: Whether its embedder reads behavior vectors.
        """
        has_vectors = reads_history or arm.retriever == "dense"
        return self.vectors * has_vectors + self.text * (arm.retriever is not None)


def count_statistics_bytes(task: Task) -> float | None:
    """Return what `user_statistics` keeps: each label's count, plain and decayed, and the last."""
    return BYTES_PER_COUNT * (2 * len(task.labels) + 1) if task.labels else None
