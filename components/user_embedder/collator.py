"""From questions and behavior vectors to the tensors of one batch, padded to its own longest.

Letters: B batch, T tokens of the input encoder, H history items, E encoder width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from components.llm.frozen_llm import FrozenLLM, collate_prompts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Example(NamedTuple):
    """One question as the model sees it."""

    prompt: str
    """What the LLM reads."""
    payload: str
    """What the input encoder reads."""
    history: np.ndarray
    """Behavior vectors, float16 [H, E], oldest first."""
    answer: str | None = None
    """The gold output; None when asking."""


def drop_history(
    num_items: int, min_kept_share: float, probability: float, rng: np.random.Generator
) -> np.ndarray:
    """Choose the history items that one presentation keeps, in their order.

    With more than two items, a random subset of 50 to 100 % (`min_kept_share`) is kept with
    `probability`, else all: the authors write ten such copies and one whole of every question.
    """
    if num_items <= 2 or rng.random() >= probability:
        return np.arange(num_items)
    fewest = int(np.ceil(min_kept_share * num_items))
    size = int(rng.integers(fewest, num_items + 1))
    return np.sort(rng.permutation(num_items)[:size])


def pad_histories(histories: Sequence[np.ndarray], encoder_dim: int) -> tuple[Tensor, Tensor]:
    """Pad behavior vectors to the batch's longest history.

    Returns:
        Vectors, float32 [B, H, E], and mask [B, H], 1 for an item. H is 0 if all are empty.
    """
    width = max(len(history) for history in histories)
    vectors = np.zeros((len(histories), width, encoder_dim), dtype=np.float32)
    mask = np.zeros((len(histories), width), dtype=np.int64)
    for row, history in enumerate(histories):
        vectors[row, : len(history)] = history
        mask[row, : len(history)] = 1
    return torch.from_numpy(vectors), torch.from_numpy(mask)


@dataclass(frozen=True)
class PersonaCollator:
    """Makes the batches of training, evaluation and serving: there is no second one.

    Args:
        llm: Tokenizes prompts and answers.
        input_tokenizer: The input encoder's; None for arms without one.
        query_prompt: Text put before every input of the input encoder.
        encoder_dim: Width E.
        max_input_length: Longest input of the input encoder, in tokens.
        max_prompt_length: Longest prompt of the LLM, in tokens.
        max_history_items: Most history items that are read, the newest ones.
    """

    llm: FrozenLLM
    input_tokenizer: "PreTrainedTokenizerBase"
    query_prompt: str
    encoder_dim: int
    max_input_length: int
    max_prompt_length: int
    max_history_items: int

    def __call__(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """Collate a batch, padded to its longest.

        Returns:
            `input_ids`, `attention_mask` [B, T], `history` [B, H, E], `history_mask` [B, H],
            `llm_input_ids`, `llm_attention_mask` and, when answers are known, `labels`.
        """
        inputs = self.input_tokenizer(
            [self.query_prompt + example.payload for example in examples],
            padding=True,
            truncation=True,
            max_length=self.max_input_length,
            return_tensors="pt",
        )
        histories = [example.history[-self.max_history_items :] for example in examples]
        history, history_mask = pad_histories(histories, self.encoder_dim)
        answers = [example.answer for example in examples if example.answer is not None]
        prompts = [example.prompt for example in examples]
        return {
            "input_ids": inputs["input_ids"],
            "attention_mask": inputs["attention_mask"],
            "history": history,
            "history_mask": history_mask,
            **collate_prompts(self.llm, prompts, answers or None, self.max_prompt_length),
        }
