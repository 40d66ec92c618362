"""The personal aggregator and the projector: a user's history becomes one persona embedding.

PPlug section 3.3: `w_i = softmax_i(x . h_i)` and `P = sum_i w_i Proj(h_i)`, Proj = Linear, GELU,
Linear. As the weights sum to one, the second linear layer runs once, after the sum.

A learned null row stands beside the history in the softmax: a user without history gets the null
row's projection, and a short history counts less than a long one.

Sentence vectors of one kind of text share most of their direction; what tells items apart is small
beside it. So rows are taken relative to the average item of the train histories. For the weights of
the items this changes nothing (`x . center` cancels in the softmax). The null row starts as that
average item, and its logit is a number of its own: were it `x . null`, an input encoder could drive
every weight onto it in a few steps, and no gradient would lead back to the history.

How lately an item came adds to its logit: it falls with the item's rank r from the newest (0), by
two learned slopes, as `-(a r + b log(1 + r))`, so that a weight may decay exponentially, as a power
or, with both slopes at zero, not at all, as in the paper, whose attention knows no order.

Letters: B batch, H history items, E encoder width, F hidden width, D LLM width, M persona vectors.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Persona(NamedTuple):
    """A persona embedding and the weights that made it."""

    embedding_BMD: Tensor
    """One vector in the paper."""
    weights_BH: Tensor
    """Weight of each history item; with `null_weight_B` they sum to one."""
    null_weight_B: Tensor


NUMBER_SCALE = 10.0
"""Single numbers (slopes, temperature) are learned ten times as fast as other parameters: a
thousand steps have to do."""


class PersonalAggregator(nn.Module):
    """Input-aware weighting of behavior vectors, null row included.

    Args:
        encoder_dim: Width E.
        temperature: Divides the logits that compare input and items.
        has_recency: Whether an item's rank in time counts.
        learns_temperature: Whether training moves the temperature.
    """

    center: Tensor

    def __init__(
        self,
        encoder_dim: int,
        temperature: float = 1.0,
        has_recency: bool = False,
        learns_temperature: bool = False,
    ) -> None:
        super().__init__()
        self.start_temperature = temperature
        self.warming = nn.Parameter(torch.zeros(())) if learns_temperature else None
        self.slopes = nn.Parameter(torch.zeros(2)) if has_recency else None
        self.register_buffer("center", torch.zeros(encoder_dim))
        self.null_vector = nn.Parameter(torch.zeros(encoder_dim))
        self.null_logit = nn.Parameter(torch.zeros(()))

    @property
    def temperature(self) -> float | Tensor:
        """What divides the logits: a number, or a scalar that training moves."""
        if self.warming is None:
            return self.start_temperature
        return self.start_temperature * (NUMBER_SCALE * self.warming).exp()

    def forward(
        self, input_BE: Tensor | None, history_BHE: Tensor, history_mask_BH: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the centred rows, null row first, [B, 1+H, E] and their weights [B, 1+H].

        Without an input every item weighs the same (mean pooling).
        """
        null_B1E = self.null_vector.expand(len(history_BHE), 1, -1)
        null_logit_B1 = self.null_logit.expand(len(history_BHE), 1)
        items_BHE = history_BHE - self.center
        if input_BE is None:
            logits = items_BHE.new_zeros(items_BHE.shape[:2])
        else:
            logits = torch.einsum("be,bhe->bh", input_BE, items_BHE)
        logits = torch.cat([null_logit_B1, logits], dim=1) / self.temperature
        if self.slopes is not None:
            decay_BH = rank_items(history_mask_BH) @ (NUMBER_SCALE * self.slopes)
            logits = torch.cat([logits[:, :1], logits[:, 1:] - decay_BH], dim=1)
        is_row = torch.cat([torch.ones_like(null_logit_B1), history_mask_BH], dim=1)
        logits = logits.masked_fill(is_row == 0, float("-inf"))
        return torch.cat([null_B1E, items_BHE], dim=1), logits.softmax(dim=1)


def rank_items(history_mask_BH: Tensor) -> Tensor:
    """Return each item's rank from the newest, and the logarithm of one plus it, float [B, H, 2].

    Items stand oldest first, padding behind them; its ranks mean nothing.

    Example:
        >>> rank_items(torch.tensor([[1, 1, 0]]))[0, :2, 0]
        tensor([1., 0.])
    """
    ranks_BH = (history_mask_BH.flip(1).cumsum(dim=1).flip(1) - 1).clamp(min=0).float()
    return torch.stack([ranks_BH, ranks_BH.log1p()], dim=-1)


class Projector(nn.Module):
    """Linear, GELU, Linear from encoder width to M vectors of the LLM's, summed before the second.

    What comes in is centred, and is scaled here by the spread of what train histories look like.
    """

    spread: Tensor

    def __init__(
        self, encoder_dim: int, hidden_dim: int, llm_dim: int, num_vectors: int = 1
    ) -> None:
        super().__init__()
        self.num_vectors = num_vectors
        self.register_buffer("spread", torch.ones(encoder_dim))
        self.first = nn.Linear(encoder_dim, hidden_dim)
        self.second = nn.Linear(hidden_dim, num_vectors * llm_dim)
        # A standardized vector keeps elements of about unit size up to the output.
        for layer in (self.first, self.second):
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
            nn.init.zeros_(layer.bias)

    def forward(self, rows_BHE: Tensor, weights_BH: Tensor) -> Tensor:
        """Return `sum_i w_i Proj(h_i)`, float [B, M, D]; the weights of a row of B sum to one.

        Rows without weight are padding, and cost nothing: one batch's longest history may be many
        times its average.
        """
        batch, item = weights_BH.nonzero(as_tuple=True)
        hidden_NF = nn.functional.gelu(self.first(rows_BHE[batch, item] / self.spread))
        weighted_NF = weights_BH[batch, item, None] * hidden_NF
        sums_BF = weighted_NF.new_zeros(len(rows_BHE), weighted_NF.shape[1])
        personas = self.second(sums_BF.index_add(0, batch, weighted_NF))
        return personas.unflatten(1, (self.num_vectors, -1))
