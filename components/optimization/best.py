"""The weights with the best dev loss, and when to stop looking for better ones."""

from torch import Tensor, nn


class BestWeights:
    """Remembers the best dev loss, and its weights if they are to be kept.

    Args:
        keeps_weights: Whether the weights are kept too.
        patience: Evaluations without a better loss after which the fit ends; None for never.
    """

    def __init__(self, keeps_weights: bool, patience: int | None) -> None:
        self.keeps_weights, self.patience = keeps_weights, patience
        self.loss: float | None = None
        self.step = 0
        self.num_worse = 0
        self.weights: dict[str, Tensor] | None = None

    def see(self, loss: float, step: int, parameters: dict[str, nn.Parameter]) -> bool:
        """Take in an evaluation; returns whether the fit is to end.

        Args:
            loss: The dev loss.
            step: After which step.
            parameters: What is fitted, by name.
        """
        if self.loss is None or loss < self.loss:
            self.loss, self.step, self.num_worse = loss, step, 0
            if self.keeps_weights:
                self.weights = {n: p.detach().cpu().clone() for n, p in parameters.items()}
        else:
            self.num_worse += 1
        return self.patience is not None and self.num_worse >= self.patience

    def put_back(self, parameters: dict[str, nn.Parameter]) -> None:
        """Give the parameters their best values, if they are kept."""
        for name, weight in (self.weights or {}).items():
            parameters[name].data.copy_(weight)
