"""Settings of one fit."""

from typing import Literal

from pydantic import Field

from components.config import Config


class FitConfig(Config):
    """How long and how fast parameters are fitted (AdamW, linear warm-up and decay).

    What is fitted names its own defaults: `EmbedderFit`, `WarmStartFit`.
    """

    num_epochs: float = Field(gt=0, description="Passes over the training questions.")
    batch_size: int = Field(ge=1, description="Questions a step, over all processes.")
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
    num_accumulated: int = Field(
        1, ge=1, description="Parts that a step's questions are read in, to save memory."
    )
    checkpoints_activations: bool = Field(
        False, description="Whether activations are computed twice, to save memory."
    )
    early_stopping_patience: int | None = Field(
        None,
        ge=1,
        description="Dev evaluations without a better loss after which the fit ends; none: never.",
    )
    keeps_best: bool = Field(
        False, description="Whether the weights with the best dev loss are kept, not the last ones."
    )
    max_loss_ratio: float = Field(
        20.0,
        gt=1,
        description="A loss above this many times that of the first steps stops the run.",
    )
    autocast: Literal["auto", "off", "bfloat16"] = Field(
        "auto",
        description=(
            "Arithmetic of the matrix products; weights stay float32. auto: bfloat16 where the "
            "GPU or CPU computes it natively, else off."
        ),
    )
    num_log_points: int = Field(40, ge=1, description="Points of the logged loss curve.")


class CheckpointConfig(Config):
    """Where an interrupted training leaves what it needs to go on."""

    uri: str | None = Field(
        None,
        description=(
            "Folder, local or of any file system that fsspec knows (s3://, gs://, ...), that a new "
            "pod sees too; none: an interrupted training begins anew."
        ),
    )
    every_minutes: float = Field(10.0, ge=0, description="Time between two checkpoints.")
    num_kept: int = Field(2, ge=1, description="Newest checkpoints that are kept.")
