"""The frozen LLM: its weights never change, and it takes soft prompts beside tokens.

Letters: B batch, K soft prompt vectors, T tokens, D LLM width.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

IGNORE_INDEX = -100


@dataclass(frozen=True)
class FrozenLLM:
    """A pretrained model without gradients of its own, with its tokenizer."""

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"

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

    @property
    def token_norm(self) -> float:
        """Mean L2 norm of the tokens' embeddings: the size at which the LLM listens.

        Rows that pad a vocabulary were never trained, and don't count.
        """
        weight = self.model.get_input_embeddings().weight[: len(self.tokenizer)]
        return float(weight.float().norm(dim=1).mean())


def tokenize_answers(llm: FrozenLLM, answers: list[str]) -> list[list[int]]:
    """Return the answers' token ids, each closed by the end token and without a start token."""
    tokenizer, config = llm.tokenizer, llm.model.config
    end = getattr(config, "eos_token_id", None)
    if end is None or isinstance(end, list):  # Llama 3 may end in several ways
        end = tokenizer.eos_token_id
    ids = tokenizer(answers, add_special_tokens=False)["input_ids"]
    return [[*answer, end] for answer in ids]


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
    """Put a soft prompt before the embedded tokens: `[I ; P ; Emb(x)]`.

    Padding may stand on either side; positions count only what is attended to.

    Returns:
        `inputs_embeds` [B, K+T, D] and `attention_mask` [B, K+T], and for a decoder-only LLM also
        `position_ids` [B, K+T].
    """
    embeds = llm.model.get_input_embeddings()(input_ids_BT)
    mask = attention_mask_BT
    if soft_prompt is not None:
        embeds = torch.cat([soft_prompt.vectors_BKD.to(embeds.dtype), embeds], dim=1)
        mask = torch.cat([soft_prompt.mask_BK.to(mask.dtype), mask], dim=1)
    spliced = {"inputs_embeds": embeds, "attention_mask": mask}
    if not llm.is_encoder_decoder:
        spliced["position_ids"] = (mask.cumsum(dim=1) - 1).clamp(min=0)
    return spliced


def answer_loss(llm: FrozenLLM, soft_prompt: SoftPrompt | None, batch: dict[str, Tensor]) -> Tensor:
    """Mean cross-entropy of the gold answers' tokens, a scalar.

    Args:
        llm: The LLM.
        soft_prompt: What stands before the tokens; None for nothing.
        batch: `llm_input_ids`, `llm_attention_mask` and `labels` from `collate_prompts`.
    """
    spliced = splice(llm, soft_prompt, batch["llm_input_ids"], batch["llm_attention_mask"])
    labels = batch["labels"]
    if not llm.is_encoder_decoder and soft_prompt is not None:
        blank = labels.new_full(soft_prompt.mask_BK.shape, IGNORE_INDEX)
        labels = torch.cat([blank, labels], dim=1)
    return llm.model(**spliced, labels=labels, use_cache=False).loss


def collate_prompts(
    llm: FrozenLLM, prompts: list[str], answers: list[str] | None, max_input_length: int
) -> dict[str, Tensor]:
    """Tokenize prompts, and the gold answers where given, padded to the batch's longest.

    Returns:
        `llm_input_ids` and `llm_attention_mask` [B, T]; with answers also `labels`: [B, A] for an
        encoder-decoder; for a decoder-only LLM the answers follow their prompts in `llm_input_ids`,
        and `labels` is [B, T] with `IGNORE_INDEX` on the prompts.
    """
    limits: dict[str, Any] = {"truncation": True, "max_length": max_input_length}
    prompt_ids = llm.tokenizer(prompts, **limits)["input_ids"]
    answer_ids = None if answers is None else tokenize_answers(llm, answers)
    pad = llm.tokenizer.pad_token_id
    if llm.is_encoder_decoder or answer_ids is None:
        side = llm.tokenizer.padding_side
        batch = {
            "llm_input_ids": pad_ids(prompt_ids, pad, side),
            "llm_attention_mask": pad_ids([[1] * len(ids) for ids in prompt_ids], 0, side),
        }
        if answer_ids is not None:
            batch["labels"] = pad_ids(answer_ids, IGNORE_INDEX, "right")
        return batch
    pairs = list(zip(prompt_ids, answer_ids, strict=True))
    blank = [[IGNORE_INDEX] * len(prompt) + answer for prompt, answer in pairs]
    whole = [prompt + answer for prompt, answer in pairs]
    return {
        "llm_input_ids": pad_ids(whole, pad, "left"),
        "llm_attention_mask": pad_ids([[1] * len(ids) for ids in whole], 0, "left"),
        "labels": pad_ids(blank, IGNORE_INDEX, "left"),
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
