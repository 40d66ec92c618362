"""The user embedder and the frozen LLM as one: what is fitted, and what answers."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from components.llm.answering import AnswerRule, answer_prompts
from components.llm.frozen_llm import FrozenLLM, SoftPrompt, answer_loss, empty_soft_prompt
from components.optimization.activations import COMPUTES_TWICE
from components.user_embedder.collator import Example, PersonaCollator
from components.user_embedder.user_embedder import UserEmbedder


class PersonaLLM(nn.Module):
    """A frozen LLM behind a user embedder; without an embedder it is the arm `base`.

    The LLM's weights are parameters of this module, and none of them is trainable.
    """

    def __init__(self, llm: FrozenLLM, embedder: UserEmbedder | None) -> None:
        super().__init__()
        self.llm = llm
        self.llm_model = llm.model
        self.embedder = embedder

    def train(self, mode: bool = True) -> "PersonaLLM":
        """Switch the embedder's mode; the frozen LLM never drops out anything."""
        super().train(mode)
        self.llm_model.eval()
        for part in self.llm_model.modules():
            if getattr(part, COMPUTES_TWICE, False):
                part.training = mode  # else it would not; what drops out stands below it
        return self

    def diagnose(self) -> dict[str, float]:
        """Return figures of the last batch: spread of the attention, size of the persona."""
        persona = self.embedder.last_persona if self.embedder else None
        if persona is None:
            return {}
        weights = torch.cat([persona.weights_BH, persona.null_weight_B[:, None]], dim=1)
        norms = persona.embedding_BMD.norm(dim=-1) / self.llm.token_norm
        return {
            "attention_entropy": float(torch.special.entr(weights).sum(dim=1).mean()),
            "persona_norm": float(norms.mean()),
        }

    def soft_prompt(self, batch: dict[str, Tensor]) -> SoftPrompt:
        """Return what stands before the prompts' tokens."""
        if self.embedder is None:
            return empty_soft_prompt(self.llm, len(batch["llm_input_ids"]))
        prompt: SoftPrompt = self.embedder(batch)
        return prompt

    def forward(self, **batch: Tensor) -> dict[str, Any]:
        """Return the loss on the gold answers."""
        return {"loss": answer_loss(self.llm, self.soft_prompt(batch), batch)}

    @torch.inference_mode()
    def answer(
        self,
        examples: Sequence[Example],
        collate: PersonaCollator,
        rule: AnswerRule,
        batch_size: int = 64,
    ) -> Iterator[tuple[int, str]]:
        """Yield (position, answer) for every example, batched by length, in no fixed order."""
        self.eval()
        device = self.llm_model.device
        order = sorted(range(len(examples)), key=lambda index: len(examples[index].prompt))
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            batch = collate([examples[row]._replace(answer=None) for row in rows])
            batch = {name: tensor.to(device) for name, tensor in batch.items()}
            answers = answer_prompts(self.llm, self.soft_prompt(batch), batch, rule)
            yield from zip(rows, answers, strict=True)
