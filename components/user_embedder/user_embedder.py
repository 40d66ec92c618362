"""The user embedder: everything that PPlug trains, and nothing else.

Letters: B batch, T tokens, H history items, E encoder width, D LLM width, M persona vectors,
K = 1 + M soft prompt vectors.
"""

from enum import StrEnum
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from components.llm.frozen_llm import SoftPrompt
from components.user_embedder.aggregator import Persona, PersonalAggregator, Projector
from components.user_embedder.config import EmbedderConfig

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class Aggregation(StrEnum):
    """How a history becomes a persona: the arms that are trained differ in nothing else."""

    ATTENTION = "attention"
    """Input-aware weights: PPlug itself."""
    UNIFORM = "uniform"
    """The same weight for every item: what remains without the input encoder."""
    NONE = "none"
    """No persona: the instruction embedding alone."""


class InstructionEmbedding(nn.Module):
    """One learned vector for the task, through its own two-layer MLP."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.vector = nn.Parameter(torch.randn(dim))
        self.mlp = nn.Sequential(nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, dim))

    def forward(self) -> Tensor:
        """Return the instruction embedding before scaling, float [D]."""
        return self.mlp(self.vector)


class UserEmbedder(nn.Module):
    """Turns (input, history) into the soft prompt `[I ; P]`.

    Args:
        config: Shape of the parts.
        aggregation: Which arm this is.
        input_encoder: Sentence encoder; only used with attention.
        encoder_dim: Width E of the behavior vectors.
        llm_dim: Width D of the LLM's token embeddings.
        scale: Norm that the soft prompt's vectors start at: the LLM's mean token norm.
    """

    scale: Tensor

    def __init__(
        self,
        config: EmbedderConfig,
        aggregation: Aggregation,
        input_encoder: "SentenceTransformer | None",
        encoder_dim: int,
        llm_dim: int,
        scale: float,
    ) -> None:
        super().__init__()
        self.aggregation = aggregation
        self.num_persona_tokens = config.num_persona_tokens
        self.last_persona: Persona | None = None
        """Of the last batch, without gradients: what training is watched by."""
        self.register_buffer("scale", torch.tensor(scale / llm_dim**0.5))
        self.instruction = InstructionEmbedding(llm_dim)
        self._settled_instruction: Tensor | None = None
        if aggregation is not Aggregation.NONE:
            has_recency = config.has_recency and aggregation is Aggregation.ATTENTION
            self.aggregator = PersonalAggregator(
                encoder_dim,
                config.temperature or 1.0,
                has_recency,
                config.learns_temperature and aggregation is Aggregation.ATTENTION,
            )
            self.projector = Projector(
                encoder_dim, config.hidden_dim, llm_dim, config.num_persona_tokens
            )
        if aggregation is Aggregation.ATTENTION:
            assert input_encoder is not None, "attention needs an input encoder"
            self.input_encoder = input_encoder

    def standardize_by(self, vectors_NE: Tensor) -> None:
        """Take centre and spread from behavior vectors, float [N, E], if there are two or more."""
        if len(vectors_NE) > 1:
            self.aggregator.center.copy_(vectors_NE.mean(dim=0))
            self.projector.spread.copy_(vectors_NE.std(dim=0).clamp(min=1e-4))

    @torch.inference_mode()
    def settle(self) -> None:
        """Compute once what no input changes: for serving, where no weight changes any more."""
        self._settled_instruction = self.scale * self.instruction()

    def encode_input(self, input_ids_BT: Tensor, attention_mask_BT: Tensor) -> Tensor:
        """Encode inputs to unit vectors, float [B, E]."""
        features = {"input_ids": input_ids_BT, "attention_mask": attention_mask_BT}
        return nn.functional.normalize(self.input_encoder(features)["sentence_embedding"], dim=-1)

    def embed_user(self, batch: dict[str, Tensor]) -> Persona:
        """Return the persona embedding of each input, scaled to the LLM's token norm."""
        input_BE = None
        if self.aggregation is Aggregation.ATTENTION:
            input_BE = self.encode_input(batch["input_ids"], batch["attention_mask"])
        rows, weights = self.aggregator(input_BE, batch["history"], batch["history_mask"])
        embedding = self.scale * self.projector(rows, weights)
        return Persona(embedding, weights[:, 1:], weights[:, 0])

    def forward(self, batch: dict[str, Tensor]) -> SoftPrompt:
        """Return `[I ; P]`; the arm without persona leaves the place of P empty.

        Args:
            batch: `input_ids` and `attention_mask` [B, T] for the input encoder, `history`
                [B, H, E] and `history_mask` [B, H] (1 for an item, 0 for padding).
        """
        batch_size = len(batch["history_mask"])
        instruction_D = self._settled_instruction
        if instruction_D is None:
            instruction_D = self.scale * self.instruction()
        instruction_B1D = instruction_D.expand(batch_size, 1, -1)
        has_persona = self.aggregation is not Aggregation.NONE
        if has_persona:
            persona = self.embed_user(batch)
            persona_BMD = persona.embedding_BMD
            self.last_persona = Persona(*(part.detach() for part in persona))
        else:
            persona_BMD = torch.zeros_like(instruction_B1D).repeat(1, self.num_persona_tokens, 1)
        mask_K = torch.tensor(
            [1] + self.num_persona_tokens * [int(has_persona)], device=instruction_B1D.device
        )
        vectors_BKD = torch.cat([instruction_B1D, persona_BMD], dim=1)
        return SoftPrompt(vectors_BKD, mask_K.expand(batch_size, -1))
