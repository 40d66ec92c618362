"""Settings of one fit."""

from typing import Literal

from pydantic import Field

from components.config import Config


class FitConfig(Config):
    """How long and how fast parameters are fitted (AdamW, linear warm-up and decay).

    What is fitted names its own defaults: `EmbedderFit`, `WarmStartFit`.
    """

    num_epochs: float = Field(gt=0, description="Passes over the training questions.")
    batch_size: int = Field(ge=1, description="Questions a step.")
    learning_rate: float = Field(gt=0, description="Peak learning rate of new parameters.")
    encoder_learning_rate: float = Field(
        ge=0,
        description="Peak learning rate of parameters that start from a trained encoder.",
    )
    weight_decay: float = Field(1e-4, ge=0, description="AdamW's decoupled weight decay.")
    warmup_share: float = Field(
        0.05, ge=0, lt=1, description="Share of the steps spent warming up."
    )
    max_grad_norm: float = Field(1.0, gt=0, description="Gradients are clipped to this L2 norm.")
    autocast: Literal["auto", "off", "bfloat16"] = Field(
        "auto",
        description=(
            "Arithmetic of the matrix products; weights stay float32. auto: bfloat16 where the "
            "GPU or CPU computes it natively, else off."
        ),
    )
    num_log_points: int = Field(40, ge=1, description="Points of the logged loss curve.")
