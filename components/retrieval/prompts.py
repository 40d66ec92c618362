"""Prompts with items of the history before the question, within the LLM's token budget."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SEPARATOR = "\n"


def build_prompt(
    tokenizer: "PreTrainedTokenizerBase", question: str, items: Sequence[str], max_length: int
) -> str:
    """Put items before a question, each cut to its share of what the question leaves over.

    The question is never cut: where it fills the budget, it stands alone. What a short item leaves
    is shared by those after it.

    Args:
        tokenizer: The LLM's.
        question: The prompt without any history.
        items: Rendered items, the best one first.
        max_length: Most tokens of the prompt, what the LLM's layout puts around it not counted.

    Returns:
        The items in their order, then the question, each on its own line.
    """
    budget = max_length - _count(tokenizer, question)
    while items:
        parts = _cut_items(tokenizer, items, budget)
        prompt = SEPARATOR.join([*parts, question])
        excess = _count(tokenizer, prompt) - max_length
        if excess <= 0:
            return prompt
        budget -= excess  # tokens may join across lines, and lines may cost tokens
        if not parts:
            break
    return question


def _cut_items(
    tokenizer: "PreTrainedTokenizerBase", items: Sequence[str], budget: int
) -> list[str]:
    parts = []
    for place, item in enumerate(items):
        share = budget // (len(items) - place)
        if share < 1:
            continue
        encoded = tokenizer(
            item,
            add_special_tokens=False,
            truncation=True,
            max_length=share,
            return_offsets_mapping=True,
        )
        offsets = encoded["offset_mapping"]
        if offsets:
            parts.append(item[: offsets[-1][1]])
        budget -= len(offsets)
    return parts


def _count(tokenizer: "PreTrainedTokenizerBase", text: str) -> int:
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])
