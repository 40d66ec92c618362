"""Which parameters of a model are fitted, and how fast each moves."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from components.optimization.config import FitConfig


def trained_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters that are fitted, by name."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def group_parameters(
    model: nn.Module, config: FitConfig, pretrained_prefixes: Sequence[str]
) -> list[dict[str, Any]]:
    """Split the trained parameters by learning rate: pretrained ones move more slowly."""
    prefixes = tuple(pretrained_prefixes)
    rates = {False: config.learning_rate, True: config.encoder_learning_rate}
    groups: dict[bool, list[nn.Parameter]] = {False: [], True: []}
    for name, parameter in trained_parameters(model).items():
        groups[bool(prefixes) and name.startswith(prefixes)].append(parameter)
    return [
        {"params": parameters, "lr": rates[is_pretrained]}
        for is_pretrained, parameters in groups.items()
        if parameters
    ]
