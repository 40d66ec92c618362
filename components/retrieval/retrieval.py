"""What an LLM reads when items of the history stand in its prompt."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from components.encoders.behavior_vectors import BehaviorVectors
from components.encoders.config import EncoderConfig
from components.histories.tables import Histories
from components.llm.config import LLMConfig
from components.llm.frozen_llm import FrozenLLM
from components.retrieval.config import Retriever
from components.retrieval.prompts import build_prompt
from components.retrieval.select_items import build_rank, select_items


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
        config: LLMConfig,
        llm: FrozenLLM,
    ) -> Callable[[np.ndarray | Sequence[int]], list[str]]:
        """Return what makes prompts of rows of questions, within the LLM's token budget.

        Args:
            histories: The tables.
            vectors: Behavior vectors of all items.
            config: Says what the LLM reads of a question, and how much.
            llm: The LLM, or one that reads tokens as it does.
        """
        room = llm.layout.find_room(config.max_input_length)

        def read(rows: np.ndarray | Sequence[int]) -> list[str]:
            rank = build_rank(histories, rows, self.retriever, vectors, self.encoder, self.seed)
            selected = select_items(histories, rows, self.num_items, rank)
            texts, questions = histories.items["text"], histories.questions.select(rows)
            return [
                build_prompt(llm.tokenizer, question, [texts[row] for row in items.tolist()], room)
                for question, items in zip(questions[config.reads], selected, strict=True)
            ]

        return read
