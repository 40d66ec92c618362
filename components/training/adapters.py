"""Low-rank adapters on the input encoder while it is trained; what is saved has them folded in.

So a server needs neither adapters nor the library that makes them (peft).
"""

from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import nn

from components.user_embedder.user_embedder import UserEmbedder


def add_adapters(embedder: UserEmbedder, rank: int) -> None:
    """Put adapters beside every linear layer that a sentence goes through, and train only these.

    Args:
        embedder: One with attention; its input encoder is changed in place.
        rank: Of the adapters.
    """
    body = embedder.input_encoder[0].auto_model
    layers = [name for name, module in body.named_modules() if isinstance(module, nn.Linear)]
    targets = [name for name in layers if "pooler" not in name]
    body.requires_grad_(False)
    adapters = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets)
    inject_adapter_in_model(adapters, body)


def fold_adapters(embedder: UserEmbedder) -> None:
    """Add the adapters' products to the layers' weights, and leave the layers as they were."""
    body = embedder.input_encoder[0].auto_model
    for name, module in list(body.named_modules()):
        if isinstance(module, LoraLayer):
            module.merge()
            parent, _, child = name.rpartition(".")
            setattr(body.get_submodule(parent), child, module.get_base_layer())
