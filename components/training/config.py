"""Settings of the user embedder's training."""

from pydantic import Field

from components.config import Config
from components.optimization.config import FitConfig


class AlignmentConfig(Config):
    """How the projector is aligned with the LLM's words before training."""

    num_steps: int = Field(1000, ge=0, description="Steps; 0 leaves it out, as the paper does.")
    batch_size: int = Field(256, ge=1, description="History items a step.")
    learning_rate: float = Field(1e-3, gt=0, description="Peak learning rate, falling to zero.")


class TrainingConfig(Config):
    """How the user embedder is trained; every trained arm gets the same."""

    fit: FitConfig = Field(
        FitConfig(num_epochs=0.75, batch_size=16, learning_rate=6e-4, encoder_learning_rate=3e-4),
        description="The recipe.",
    )
    alignment: AlignmentConfig = Field(
        AlignmentConfig(), description="Alignment of the projector before training."
    )
    history_dropout: float = Field(
        10 / 11,
        ge=0,
        le=1,
        description="Probability that a training question sees a random part of its history.",
    )
    min_kept_share: float = Field(
        0.5, gt=0, le=1, description="Smallest share of the history that dropout keeps."
    )
