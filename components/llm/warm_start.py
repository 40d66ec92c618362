"""How a warm-started LLM is tuned: on questions and answers without any history.

So that a soft prompt can move it later, it learns to listen: some questions carry a hint, a few
answers of an invented user, whose words' embeddings are averaged where the persona will stand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from components.llm.config import WarmStartConfig
from components.llm.frozen_llm import (
    FrozenLLM,
    SoftPrompt,
    answer_loss,
    collate_prompts,
    pad_ids,
    tokenize_answers,
)
from components.llm.warm_models import name_pretrained
from components.optimization.fit import Curve, FitInputs, fit

UNSEEN_COUNT = 0.01
"""How often a token counts as seen that is in no answer: as good as never."""


def expect_answers(llm: FrozenLLM, answers: Sequence[str]) -> None:
    """Start the output bias from how often each token occurs in the answers, end tokens included.

    Adam moves a bias by its learning rate a step: a short tuning would spend itself on learning
    which few of 30,000 tokens are answers at all.
    """
    bias = llm.model.get_output_embeddings().bias
    ids = [token for answer in tokenize_answers(llm, list(answers)) for token in answer]
    counts = torch.bincount(torch.tensor(ids), minlength=len(bias)) + UNSEEN_COUNT
    with torch.no_grad():
        bias.copy_((counts / counts.sum()).log())


class TuningExample(NamedTuple):
    """One question as a warm start sees it."""

    prompt: str
    answer: str
    hint: tuple[str, ...]
    """Labels that an invented user often gives; empty for no hint."""


@dataclass
class TuningExamples(Dataset[TuningExample]):
    """Questions whose hints are drawn anew each epoch, seeded by run, epoch and question."""

    prompts: Sequence[str]
    answers: Sequence[str]
    labels: Sequence[str]
    config: WarmStartConfig
    seed: int
    epoch: int = 0

    def set_epoch(self, epoch: int) -> None:
        """Draw other hints from here on."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.prompts)

    def __getitem__(self, index: int) -> TuningExample:
        answer = self.answers[index]
        rng = np.random.default_rng((self.seed, self.epoch, index))
        hinted = bool(self.labels) and rng.random() < self.config.hint_rate
        hint = draw_hint(answer, self.answers, self.config, rng) if hinted else ()
        return TuningExample(self.prompts[index], answer, hint)


def draw_hint(
    answer: str, answers: Sequence[str], config: WarmStartConfig, rng: np.random.Generator
) -> tuple[str, ...]:
    """Draw some answers of an invented user: each is the right one with probability `hint_truth`.

    The others are anybody's, so that a hint says nothing of how common an answer is.
    """
    size = int(rng.integers(1, config.max_hint_labels + 1))
    others = rng.integers(len(answers), size=size)
    truthful = rng.random(size) < config.hint_truth
    return tuple(
        answer if true else answers[other] for true, other in zip(truthful, others, strict=True)
    )


class _HintedLLM(nn.Module):
    """The LLM as something to fit, with hints where a persona will stand."""

    def __init__(self, llm: FrozenLLM) -> None:
        super().__init__()
        self.llm = llm
        self.model = llm.model

    def embed_hints(self, hint_ids_BT: Tensor, hint_mask_BT: Tensor) -> SoftPrompt:
        """Average the embeddings of a hint's words into the second soft prompt vector."""
        words = self.llm.embed(hint_ids_BT) * hint_mask_BT[..., None]
        mean_BD = words.sum(dim=1) / hint_mask_BT.sum(dim=1, keepdim=True).clamp(min=1)
        vectors = torch.stack([torch.zeros_like(mean_BD), mean_BD], dim=1)
        is_hinted_B = hint_mask_BT.any(dim=1).long()
        return SoftPrompt(vectors, torch.stack([torch.zeros_like(is_hinted_B), is_hinted_B], dim=1))

    def forward(self, hint_ids: Tensor, hint_mask: Tensor, **batch: Tensor) -> dict[str, Any]:
        return {"loss": answer_loss(self.llm, self.embed_hints(hint_ids, hint_mask), batch)}


def collate_tuning(
    llm: FrozenLLM, examples: Sequence[TuningExample], max_input_length: int
) -> dict[str, Tensor]:
    """Return what `collate_prompts` does, and the hints' words: `hint_ids`, `hint_mask` [B, T]."""
    prompts, answers, hints = (list(column) for column in zip(*examples, strict=True))
    words = [" ".join(hint) for hint in hints]
    ids = llm.tokenizer(words, add_special_tokens=False)["input_ids"]
    return {
        "hint_ids": pad_ids(ids, llm.tokenizer.pad_token_id, "right"),
        "hint_mask": pad_ids([[1] * len(row) for row in ids], 0, "right"),
        **collate_prompts(llm, prompts, answers, max_input_length),
    }


def tune_on_questions(
    llm: FrozenLLM,
    examples: TuningExamples,
    dev: TuningExamples | None,
    max_input_length: int,
) -> Curve:
    """Tune the upper layers on questions and answers, then freeze them again; returns the curve.

    The embeddings stay the sentence encoder's, and so do its lowest layers: what they know of words
    in general is what carries over to texts unseen in tuning.
    """
    config, pretrained = examples.config, name_pretrained(llm)
    layers = [f"{pretrained}.encoder.layer.{i}." for i in range(config.num_frozen_layers)]
    torch.manual_seed(examples.seed)
    expect_answers(llm, examples.answers)
    for name, parameter in llm.model.named_parameters():
        is_kept = "embeddings" in name or name.startswith(tuple(layers))
        parameter.requires_grad_(not is_kept)
    collate = partial(collate_tuning, llm, max_input_length=max_input_length)
    lengths = [len(prompt) for prompt in examples.prompts]
    inputs = FitInputs(examples, dev, collate, lengths)
    slower = (f"model.{pretrained}",)
    curve = fit(_HintedLLM(llm), inputs, config.fit, examples.seed, slower)
    llm.model.requires_grad_(False)
    llm.model.eval()
    return curve
