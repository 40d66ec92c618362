"""The frozen LLM: its weights never change, and it takes soft prompts beside tokens.

Letters: B batch, K soft prompt vectors, F tokens before them, T tokens behind them, A tokens of an
answer, D LLM width.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from components.llm.prompt_layout import PromptLayout, lay_out_chat, lay_out_plainly

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

IGNORE_INDEX = -100
ROWS_AT_ONCE = 8192


@dataclass(frozen=True)
class FrozenLLM:
    """A pretrained model without gradients of its own, with its tokenizer."""

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    chat_options: Mapping[str, Any] | None = None
    """What the tokenizer's chat template is rendered with; None where prompts are plain texts."""

    def __post_init__(self) -> None:
        self.model.requires_grad_(False)
        self.model.eval()
        self.tokenizer.padding_side = "right" if self.is_encoder_decoder else "left"
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token

    @property
    def is_encoder_decoder(self) -> bool:
        """Whether the LLM reads with an encoder (T5) or only decodes (Llama)."""
        return bool(self.model.config.is_encoder_decoder)

    @property
    def embedding_dim(self) -> int:
        """Width D of the LLM's token embeddings."""
        return int(self.model.get_input_embeddings().weight.shape[1])

    @cached_property
    def token_norm(self) -> float:
        """Mean L2 norm of the tokens' embeddings: the size at which the LLM listens.

        Rows that pad a vocabulary were never trained, and don't count.
        """
        ids = torch.arange(len(self.tokenizer), device=self.model.device)
        norms = [self.embed(part).float().norm(dim=-1) for part in ids.split(ROWS_AT_ONCE)]
        return float(torch.cat(norms).mean())

    @cached_property
    def layout(self) -> PromptLayout:
        """How prompts are written for it.

        Raises:
            ValueError: If it is to be asked by a chat template, and that cannot be.
        """
        if self.chat_options is not None:
            return lay_out_chat(self.tokenizer, self.chat_options)
        end = getattr(self.model.config, "eos_token_id", None)
        if end is None or isinstance(end, list):  # Llama 3 may end in several ways
            end = self.tokenizer.eos_token_id
        return lay_out_plainly(self.tokenizer, self.is_encoder_decoder, end)

    def embed(self, ids: Tensor) -> Tensor:
        """Return the tokens' embeddings as `inputs_embeds` takes them, [..., D]."""
        embeds: Tensor = self.model.get_input_embeddings()(ids)
        return embeds


def tokenize_prompts(llm: FrozenLLM, prompts: list[str], max_length: int) -> list[list[int]]:
    """Return what stands behind the soft prompt, for each prompt.

    Args:
        llm: The LLM.
        prompts: The texts; only they are cut, never what the layout puts around them.
        max_length: Most tokens, the soft prompt's places not counted.
    """
    limits: dict[str, Any] = {"truncation": True, "max_length": llm.layout.find_room(max_length)}
    ids = llm.tokenizer(prompts, add_special_tokens=False, **limits)["input_ids"]
    return [llm.layout.wrap(text) for text in ids]


def tokenize_answers(llm: FrozenLLM, answers: list[str]) -> list[list[int]]:
    """Return the answers' token ids, each closed by the end token and without a start token."""
    ids = llm.tokenizer(answers, add_special_tokens=False)["input_ids"]
    return [[*answer, llm.layout.end] for answer in ids]


class SoftPrompt(NamedTuple):
    """The vectors `[I ; P]` that stand before the LLM's tokens: instruction and persona.

    Every arm keeps both places, and masks the one that it leaves empty. So the tokens stand at the
    same positions in all arms and in a warm start's tuning: an LLM with absolute positions, as
    BERT's, counts masked places too; others don't notice them.
    """

    vectors_BKD: Tensor
    mask_BK: Tensor
    """1 where there is a vector, 0 where nothing is to be attended to."""


def empty_soft_prompt(llm: FrozenLLM, batch_size: int) -> SoftPrompt:
    """Return the soft prompt of the LLM alone: both places empty."""
    blank = llm.model.get_input_embeddings().weight.new_zeros(batch_size, 2, llm.embedding_dim)
    return SoftPrompt(blank, torch.zeros(batch_size, 2, dtype=torch.long, device=blank.device))


def splice(
    llm: FrozenLLM, soft_prompt: SoftPrompt | None, input_ids_BT: Tensor, attention_mask_BT: Tensor
) -> dict[str, Tensor]:
    """Put a soft prompt before the embedded tokens, behind those that the layout has before it.

    For a decoder-only LLM all that is hidden (padding on either side, an empty place of the soft
    prompt) is moved to the row's beginning, so that neighbours stay neighbours, whatever the
    batch: a window of attention counts places, not positions.

    Returns:
        `inputs_embeds` [B, F+K+T, D] and `attention_mask` [B, F+K+T], and for a decoder-only LLM
        also `position_ids` [B, F+K+T], which count only what is attended to.
    """
    embeds, mask = llm.embed(input_ids_BT), attention_mask_BT
    if soft_prompt is not None:
        embeds = torch.cat([soft_prompt.vectors_BKD.to(embeds.dtype), embeds], dim=1)
        mask = torch.cat([soft_prompt.mask_BK.to(mask.dtype), mask], dim=1)
    if llm.layout.front:
        front_F = torch.tensor(llm.layout.front, device=embeds.device)
        front_BFD = llm.embed(front_F).expand(len(embeds), -1, -1)
        embeds = torch.cat([front_BFD, embeds], dim=1)
        mask = torch.cat([mask.new_ones(front_BFD.shape[:2]), mask], dim=1)
    if llm.is_encoder_decoder:
        return {"inputs_embeds": embeds, "attention_mask": mask}
    order = mask.argsort(dim=1, stable=True)
    mask = mask.gather(1, order)
    return {
        "inputs_embeds": embeds.gather(1, order[..., None].expand_as(embeds)),
        "attention_mask": mask,
        "position_ids": (mask.long().cumsum(dim=1) - 1).clamp(min=0),
    }


def answer_loss(llm: FrozenLLM, soft_prompt: SoftPrompt | None, batch: dict[str, Tensor]) -> Tensor:
    """Mean cross-entropy of the gold answers' tokens, a scalar.

    Args:
        llm: The LLM; one that only decodes computes its vocabulary's logits for answers alone.
        soft_prompt: What stands before the tokens; None for nothing.
        batch: `llm_input_ids`, `llm_attention_mask` and `labels` from `collate_prompts`.
    """
    spliced = splice(llm, soft_prompt, batch["llm_input_ids"], batch["llm_attention_mask"])
    labels = batch["labels"]
    if llm.is_encoder_decoder:
        return llm.model(**spliced, labels=labels, use_cache=False).loss
    said = llm.model(**spliced, use_cache=False, logits_to_keep=labels.shape[1] + 1)
    logits_NV = said.logits[:, -labels.shape[1] - 1 : -1].flatten(0, 1).float()
    return nn.functional.cross_entropy(logits_NV, labels.flatten(), ignore_index=IGNORE_INDEX)


def collate_prompts(
    llm: FrozenLLM, prompts: list[str], answers: list[str] | None, max_input_length: int
) -> dict[str, Tensor]:
    """Tokenize prompts, and the gold answers where given, padded to the batch's longest.

    Returns:
        `llm_input_ids` and `llm_attention_mask` [B, T]; with answers also `labels` [B, A]. For a
        decoder-only LLM all are padded on the left, and the answers follow their prompts in
        `llm_input_ids`: `labels` are its last A tokens, `IGNORE_INDEX` on what is no answer.
    """
    ids = tokenize_prompts(llm, prompts, max_input_length)
    side = llm.tokenizer.padding_side
    labels = {}
    if answers is not None:
        answer_ids = tokenize_answers(llm, answers)
        labels = {"labels": pad_ids(answer_ids, IGNORE_INDEX, side)}
        if not llm.is_encoder_decoder:
            ids = [prompt + answer for prompt, answer in zip(ids, answer_ids, strict=True)]
    return {
        "llm_input_ids": pad_ids(ids, llm.tokenizer.pad_token_id, side),
        "llm_attention_mask": pad_ids([[1] * len(row) for row in ids], 0, side),
        **labels,
    }


def pad_ids(rows: list[list[int]], value: int, side: str) -> Tensor:
    """Pad rows to the longest one.

    Example:
        >>> pad_ids([[5, 6], [7]], 0, "left")
        tensor([[5, 6],
                [0, 7]])
    """
    width = max(len(row) for row in rows)
    blanks = [[value] * (width - len(row)) for row in rows]
    padded = [b + r if side == "left" else r + b for r, b in zip(rows, blanks, strict=True)]
    return torch.tensor(padded, dtype=torch.long)
