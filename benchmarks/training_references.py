"""The two trainings that ours is held against, written from the paper's description.

`paper`: the authors' recipe. Every text and history padded to its longest allowed, both projector
layers for each of 512 items, eleven copies of each question (ten random subsets and the whole).
`good`: what an engineer writes in an afternoon with transformers' Trainer: dynamic padding, cached
vectors, the LLM frozen; random batches, both projector layers for each item of the padded history.

Letters: B batch, H history items, E encoder width, D LLM width, T tokens.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from benchmarks.training_world import MAX_HISTORY, Question
from components.llm.frozen_llm import IGNORE_INDEX, FrozenLLM

NUM_COPIES = 11
MAX_PROMPT, MAX_INPUT = 256, 512

Copy = tuple[Question, np.ndarray]
"""A question, and which rows of vectors this presentation keeps."""


class ReferencePPlug(nn.Module):
    """PPlug as section 3 of the paper describes it."""

    def __init__(self, llm: FrozenLLM, encoder: nn.Module, encoder_dim: int, hidden: int) -> None:
        super().__init__()
        dim = llm.embedding_dim
        self.llm, self.encoder = llm.model, encoder
        self.scale = llm.token_norm / dim**0.5
        self.projector = nn.Sequential(
            nn.Linear(encoder_dim, hidden), nn.GELU(), nn.Linear(hidden, dim)
        )
        self.instruction = nn.Parameter(torch.randn(dim))
        self.instruction_mlp = nn.Sequential(nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, dim))

    def embed(self, input_BE: Tensor, history_BHE: Tensor, mask_BH: Tensor) -> Tensor:
        """Return the persona embedding, float [B, D]: every item is projected."""
        logits_BH = torch.einsum("be,bhe->bh", input_BE, history_BHE)
        weights_BH = logits_BH.masked_fill(mask_BH == 0, float("-inf")).softmax(dim=1)
        return torch.einsum("bh,bhd->bd", weights_BH, self.projector(history_BHE))

    def forward(self, **batch: Tensor) -> dict[str, Any]:
        """Return the loss on the gold answers."""
        features = {name: batch[name] for name in ("input_ids", "attention_mask")}
        input_BE = nn.functional.normalize(self.encoder(features)["sentence_embedding"], dim=-1)
        persona_BD = self.embed(input_BE, batch["history"], batch["history_mask"])
        instruction_BD = self.instruction_mlp(self.instruction).expand_as(persona_BD)
        soft_B2D = self.scale * torch.stack([instruction_BD, persona_BD], dim=1)
        tokens_BTD = self.llm.get_input_embeddings()(batch["llm_input_ids"])
        embeds = torch.cat([soft_B2D.to(tokens_BTD.dtype), tokens_BTD], dim=1)
        mask = batch["llm_attention_mask"]
        mask = torch.cat([mask.new_ones(len(mask), 2), mask], dim=1)
        labels = batch["labels"]
        if not self.llm.config.is_encoder_decoder:
            blank = labels.new_full((len(labels), 2), IGNORE_INDEX)
            labels = torch.cat([blank, labels], dim=1)
        return {"loss": self.llm(inputs_embeds=embeds, attention_mask=mask, labels=labels).loss}


class ReferenceCollator:
    """Pads to the batch's longest, or everything to its longest allowed.

    Args:
        llm: Whose tokenizer reads prompts and inputs.
        vectors: Behavior vectors, float16 [N, E].
        pads_all: Whether everything is padded to its longest allowed.
    """

    def __init__(self, llm: FrozenLLM, vectors: np.ndarray, pads_all: bool) -> None:
        self.llm, self.vectors, self.pads_all = llm, vectors, pads_all
        self.tokenizer = llm.tokenizer

    def __call__(self, copies: Sequence[Copy]) -> dict[str, Tensor]:
        """Collate a batch."""
        texts = [question.text for question, _ in copies]
        self.tokenizer.padding_side = "right"
        inputs = self._pad(texts, MAX_INPUT)
        width = MAX_HISTORY if self.pads_all else max(len(rows) for _, rows in copies)
        history = torch.zeros(len(copies), width, self.vectors.shape[1])
        mask = torch.zeros(len(copies), width, dtype=torch.long)
        for place, (_, rows) in enumerate(copies):
            history[place, : len(rows)] = torch.from_numpy(self.vectors[rows].astype(np.float32))
            mask[place, : len(rows)] = 1
        answers = [question.answer for question, _ in copies]
        return {
            "input_ids": inputs["input_ids"],
            "attention_mask": inputs["attention_mask"],
            "history": history,
            "history_mask": mask,
            **self._read(texts, answers),
        }

    def _pad(self, texts: list[str], longest: int) -> Any:
        padding = "max_length" if self.pads_all else True
        limits: Any = {"truncation": True, "max_length": longest, "return_tensors": "pt"}
        return self.tokenizer(texts, padding=padding, **limits)

    def _read(self, texts: list[str], answers: list[str]) -> dict[str, Tensor]:
        """Return what the LLM reads; the answers of a decoder-only one follow their prompts."""
        end = self.tokenizer.eos_token
        if self.llm.is_encoder_decoder:
            prompts = self._pad(texts, MAX_PROMPT)
            said = self.tokenizer(
                [answer + end for answer in answers],
                add_special_tokens=False,
                padding=True,
                return_tensors="pt",
            )
            labels = said["input_ids"].masked_fill(said["attention_mask"] == 0, IGNORE_INDEX)
            ids, mask = prompts["input_ids"], prompts["attention_mask"]
        else:
            whole = self._pad([f"{t} {a}" for t, a in zip(texts, answers, strict=True)], MAX_PROMPT)
            ids, mask = whole["input_ids"], whole["attention_mask"]
            labels = ids.masked_fill(mask == 0, IGNORE_INDEX)
            for row, answer in enumerate(answers):
                num_answer = len(self.tokenizer(answer, add_special_tokens=False)["input_ids"]) + 1
                labels[row, : int(mask[row].sum()) - num_answer] = IGNORE_INDEX
        return {"llm_input_ids": ids, "llm_attention_mask": mask, "labels": labels}


class Copies(Dataset[Copy]):
    """Each question in eleven copies: ten random subsets of its history, and the whole."""

    def __init__(self, questions: Sequence[Question], seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.copies: list[Copy] = []
        for question in questions:
            rows = question.history
            for copy in range(NUM_COPIES):
                kept = rows
                if copy and len(rows) > 2:
                    size = int(rng.integers(int(np.ceil(len(rows) / 2)), len(rows) + 1))
                    kept = np.sort(rng.choice(rows, size, replace=False))
                self.copies.append((question, kept))

    def __len__(self) -> int:
        return len(self.copies)

    def __getitem__(self, index: int) -> Copy:
        return self.copies[index]
