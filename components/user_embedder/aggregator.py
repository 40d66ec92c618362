"""The personal aggregator and the projector: a user's history becomes one persona embedding.

PPlug section 3.3: `w_i = softmax_i(x . h_i)` and `P = sum_i w_i Proj(h_i)`, Proj = Linear, GELU,
Linear. As the weights sum to one, the second linear layer runs once, after the sum.

A learned null row stands beside the history in the softmax: a user without history gets the null
row's projection, and a short history counts less than a long one.

Letters: B batch, H history items, E encoder width, F hidden width, D LLM width.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Persona(NamedTuple):
    """A persona embedding and the weights that made it."""

    embedding_BD: Tensor
    weights_BH: Tensor
    """Weight of each history item; with `null_weight_B` they sum to one."""
    null_weight_B: Tensor


class PersonalAggregator(nn.Module):
    """Input-aware weighting of behavior vectors, null row included.

    Args:
        encoder_dim: Width E.
        temperature: Divides the logits.
    """

    def __init__(self, encoder_dim: int, temperature: float = 1.0) -> None:
        super().__init__()
        self.temperature = temperature
        self.null_vector = nn.Parameter(torch.randn(encoder_dim) / encoder_dim**0.5)

    def forward(
        self, input_BE: Tensor | None, history_BHE: Tensor, history_mask_BH: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the rows, null row first, [B, 1+H, E] and their weights [B, 1+H].

        Without an input every row weighs the same (mean pooling).
        """
        null_B1E = self.null_vector.expand(len(history_BHE), 1, -1)
        rows = torch.cat([null_B1E, history_BHE], dim=1)
        mask = torch.cat([history_mask_BH.new_ones(len(rows), 1), history_mask_BH], dim=1)
        if input_BE is None:
            logits = rows.new_zeros(rows.shape[:2])
        else:
            logits = torch.einsum("be,bhe->bh", input_BE, rows) / self.temperature
        logits = logits.masked_fill(mask == 0, float("-inf"))
        return rows, logits.softmax(dim=1)


class Projector(nn.Module):
    """Linear, GELU, Linear from encoder width to LLM width, summed before the second layer.

    Sentence vectors of one kind of text share most of their direction. What tells items apart is
    small beside it, so vectors are first centred and scaled by what train histories look like.
    """

    center: Tensor
    spread: Tensor

    def __init__(self, encoder_dim: int, hidden_dim: int, llm_dim: int) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(encoder_dim))
        self.register_buffer("spread", torch.ones(encoder_dim))
        self.first = nn.Linear(encoder_dim, hidden_dim)
        self.second = nn.Linear(hidden_dim, llm_dim)
        # A standardized vector keeps elements of about unit size up to the output.
        for layer in (self.first, self.second):
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
            nn.init.zeros_(layer.bias)

    def standardize_by(self, vectors_NE: Tensor) -> None:
        """Take centre and spread from behavior vectors, float [N, E]."""
        if len(vectors_NE) > 1:
            self.center.copy_(vectors_NE.mean(dim=0))
            self.spread.copy_(vectors_NE.std(dim=0).clamp(min=1e-4))

    def forward(self, rows_BHE: Tensor, weights_BH: Tensor) -> Tensor:
        """Return `sum_i w_i Proj(h_i)`, float [B, D]; the weights of a row of B sum to one."""
        hidden = nn.functional.gelu(self.first((rows_BHE - self.center) / self.spread))
        return self.second(torch.einsum("bh,bhf->bf", weights_BH, hidden))
