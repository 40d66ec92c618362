"""From questions and behavior vectors to the tensors of one batch, padded to its own longest.

Letters: B batch, T tokens of the input encoder, H history items, E encoder width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from components.encoders.sentence_encoder import load_tokenizer
from components.llm.config import LLMConfig
from components.llm.frozen_llm import FrozenLLM, collate_prompts
from components.user_embedder.embedder_folder import EmbedderCard

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


def collate_inputs(
    tokenizer: "PreTrainedTokenizerBase", card: EmbedderCard, examples: Sequence[Example]
) -> dict[str, Tensor]:
    """Collate what the user embedder reads, padded to the batch's longest.

    Args:
        tokenizer: The input encoder's.
        card: The embedder's: its limits, and what stands before an input.
        examples: The batch.

    Returns:
        `input_ids`, `attention_mask` [B, T], `history` [B, H, E], `history_mask` [B, H].
    """
    inputs = tokenizer(
        [card.encoder.query_prompt + example.payload for example in examples],
        padding=True,
        truncation=True,
        max_length=card.embedder.max_input_length,
        return_tensors="pt",
    )
    newest = [example.history[-card.embedder.max_history_items :] for example in examples]
    history, history_mask = pad_histories(newest, card.encoder_dim)
    return {
        "input_ids": inputs["input_ids"],
        "attention_mask": inputs["attention_mask"],
        "history": history,
        "history_mask": history_mask,
    }


@dataclass(frozen=True)
class PersonaCollator:
    """Makes the batches of training, evaluation and serving: there is no second one.

    Args:
        llm: Tokenizes prompts and answers.
        input_tokenizer: The input encoder's.
        card: The user embedder's.
        max_prompt_length: Longest prompt of the LLM, in tokens.
    """

    llm: FrozenLLM
    input_tokenizer: "PreTrainedTokenizerBase"
    card: EmbedderCard
    max_prompt_length: int

    def __call__(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """Collate a batch, padded to its longest.

        Returns:
            What `collate_inputs` does, `llm_input_ids`, `llm_attention_mask` and, when answers are
            known, `labels`.
        """
        answers = [example.answer for example in examples if example.answer is not None]
        prompts = [example.prompt for example in examples]
        return {
            **collate_inputs(self.input_tokenizer, self.card, examples),
            **collate_prompts(self.llm, prompts, answers or None, self.max_prompt_length),
        }


def build_collator(llm: FrozenLLM, card: EmbedderCard, config: LLMConfig) -> PersonaCollator:
    """Build the one collator of training, evaluation and serving."""
    return PersonaCollator(llm, load_tokenizer(card.encoder), card, config.max_input_length)
