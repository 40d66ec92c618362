"""Activations that are computed twice instead of kept, to save memory."""

from torch import nn

COMPUTES_TWICE = "computes_activations_twice"
"""Marks the layers that `checkpoint_activations` has set to do so."""


def checkpoint_activations(model: nn.Module) -> None:
    """Let the transformers within a model compute activations twice instead of keeping them."""
    # Imported here: whoever looks for the mark alone needs nothing of transformers.
    from transformers import PreTrainedModel
    from transformers.modeling_layers import GradientCheckpointingLayer

    for part in model.modules():
        if isinstance(part, PreTrainedModel) and part.supports_gradient_checkpointing:
            # Not reentrant: the frozen LLM's own inputs need no gradient.
            part.gradient_checkpointing_enable({"use_reentrant": False})
        if isinstance(part, GradientCheckpointingLayer):
            setattr(part, COMPUTES_TWICE, True)
