"""What an LLM reads when items of the history stand in its prompt."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.encoders.behavior_vectors import BehaviorVectors
from components.encoders.config import EncoderConfig
from components.histories.tables import Histories
from components.llm.config import LLMConfig
from components.retrieval.config import Retriever
from components.retrieval.prompts import build_prompt
from components.retrieval.select_items import build_rank, select_items

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Retrieval:
    """One way of choosing items.

    Args:
        retriever: How items are ranked.
        num_items: How many there are in a prompt.
        encoder: What made the behavior vectors; encodes the questions for dense.
        seed: Of random.
    """

    retriever: Retriever
    num_items: int
    encoder: EncoderConfig
    seed: int

    def read(
        self,
        histories: Histories,
        vectors: BehaviorVectors,
        llm: LLMConfig,
        tokenizer: "PreTrainedTokenizerBase",
    ) -> Callable[[np.ndarray | Sequence[int]], list[str]]:
        """Return what makes prompts of rows of questions, within the LLM's token budget.

        Args:
            histories: The tables.
            vectors: Behavior vectors of all items.
            llm: Says what the LLM reads of a question, and how much.
            tokenizer: The LLM's.
        """

        def read(rows: np.ndarray | Sequence[int]) -> list[str]:
            rank = build_rank(histories, rows, self.retriever, vectors, self.encoder, self.seed)
            selected = select_items(histories, rows, self.num_items, rank)
            texts, questions = histories.items["text"], histories.questions.select(rows)
            limit = llm.max_input_length
            return [
                build_prompt(tokenizer, question, [texts[row] for row in items.tolist()], limit)
                for question, items in zip(questions[llm.reads], selected, strict=True)
            ]

        return read
