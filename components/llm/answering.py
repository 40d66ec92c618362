"""How a frozen LLM answers: the likeliest label of a task, or what it generates freely.

Letters: B batch, L labels.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from components.llm.config import LLMConfig
from components.llm.frozen_llm import FrozenLLM, SoftPrompt, splice, tokenize_answers
from components.llm.label_scores import Node, score_labels
from components.tasks.task import Task


@dataclass(frozen=True)
class AnswerRule:
    """How answers are found; the same for all arms and for serving."""

    labels: tuple[str, ...]
    """The only answers there are; none for free text."""
    label_ids: tuple[Node, ...]
    """The labels' token ids, end token included."""
    is_scored: bool
    """Whether labels are scored, and not generated freely."""
    is_median: bool
    """Whether the median of the labels' distribution is answered, and not its mode."""
    max_new_tokens: int
    num_beams: int
    spelling: dict[str, str]
    """Decoded label to label: a tokenizer may decode "sci-fi" as "sci - fi"."""


def build_answer_rule(llm: FrozenLLM, task: Task, config: LLMConfig) -> AnswerRule:
    """Build the rule for a task.

    Raises:
        ValueError: If the tokenizer cannot tell two labels apart.
    """
    ids: tuple[Node, ...] = ()
    decoded: list[str] = []
    if task.labels:
        ids = tuple(tuple(label) for label in tokenize_answers(llm, list(task.labels)))
        decoded = llm.tokenizer.batch_decode(ids, skip_special_tokens=True)
    spelling: dict[str, str] = {}
    for text, label in zip(decoded, task.labels, strict=True):
        if spelling.setdefault(text.strip(), label) != label:
            raise ValueError(
                f"the LLM's tokenizer cannot tell the labels {spelling[text.strip()]!r} and "
                f"{label!r} apart"
            )
    is_scored = bool(task.labels) and config.answers == "label_scores"
    return AnswerRule(
        labels=task.labels,
        label_ids=ids,
        is_scored=is_scored,
        is_median=is_scored and task.kind == "ordinal" and config.ordinal_answer == "median",
        max_new_tokens=max(config.max_new_tokens, *map(len, ids), 1),
        num_beams=config.num_beams,
        spelling=spelling,
    )


@torch.inference_mode()
def answer_prompts(
    llm: FrozenLLM, soft_prompt: SoftPrompt | None, batch: dict[str, Tensor], rule: AnswerRule
) -> list[str]:
    """Answer each prompt of the batch; returns B texts.

    Args:
        llm: The LLM.
        soft_prompt: What stands before the tokens; None for nothing.
        batch: `llm_input_ids` and `llm_attention_mask` from `collate_prompts`.
        rule: How.
    """
    if not rule.is_scored:
        return generate_answers(llm, soft_prompt, batch, rule)
    scores_BL = score_labels(llm, soft_prompt, batch, rule.label_ids, not rule.is_median)
    picked = pick_labels(scores_BL, rule.is_median)
    return [rule.labels[index] for index in picked.tolist()]


def pick_labels(scores_BL: Tensor, is_median: bool) -> Tensor:
    """Return the answers' positions among the labels, int64 [B].

    The median is the first label at which half of the probability is reached: of all answers it has
    the least expected absolute error.

    Example:
        >>> pick_labels(torch.tensor([[0.4, 0.2, 0.4]]).log(), True)
        tensor([1])
    """
    if not is_median:
        return scores_BL.argmax(dim=1)
    reached_BL = scores_BL.softmax(dim=1).cumsum(dim=1) >= 0.5 - 1e-6
    return reached_BL.long().argmax(dim=1)


def list_ends(llm: FrozenLLM) -> list[int]:
    """Return the tokens that end what is generated: that of its answers, and the LLM's own."""
    own = llm.model.generation_config.eos_token_id
    ends = own if isinstance(own, list) else [own]
    return sorted({llm.layout.end, *ends} - {None})


def generate_answers(
    llm: FrozenLLM, soft_prompt: SoftPrompt | None, batch: dict[str, Tensor], rule: AnswerRule
) -> list[str]:
    """Generate each prompt's answer freely; returns B stripped texts, labels as the task spells."""
    return spell_answers(llm, generate_ids(llm, soft_prompt, batch, rule), rule)


@torch.inference_mode()
def generate_ids(
    llm: FrozenLLM,
    soft_prompt: SoftPrompt | None,
    batch: dict[str, Tensor],
    rule: AnswerRule,
    **watching: Any,
) -> Tensor:
    """Generate freely; returns token ids, int64 [B, at most 1 + rule.max_new_tokens].

    Args:
        llm: The LLM.
        soft_prompt: What stands before the tokens; None for nothing.
        batch: `llm_input_ids` and `llm_attention_mask` from `collate_prompts`.
        rule: How.
        **watching: What transformers' `generate` takes to be watched or stopped by.
    """
    spliced = splice(llm, soft_prompt, batch["llm_input_ids"], batch["llm_attention_mask"])
    options: dict[str, Any] = {
        "max_new_tokens": rule.max_new_tokens,
        "num_beams": rule.num_beams,
        "do_sample": False,
        "pad_token_id": llm.tokenizer.pad_token_id,
        "eos_token_id": list_ends(llm),
        **watching,
    }
    if llm.is_encoder_decoder:
        options["encoder_outputs"] = llm.model.get_encoder()(**spliced)
        return llm.model.generate(attention_mask=spliced["attention_mask"], **options)
    del spliced["position_ids"]
    return llm.model.generate(**spliced, **options)


def spell_answers(llm: FrozenLLM, ids: Tensor, rule: AnswerRule) -> list[str]:
    """Decode generated answers, stripped, and labels as the task spells them."""
    texts = llm.tokenizer.batch_decode(ids, skip_special_tokens=True)
    return [rule.spelling.get(text.strip(), text.strip()) for text in texts]
