"""Settings of the user embedder's training."""

from pydantic import Field

from components.config import Config
from components.optimization.config import CheckpointConfig, FitConfig

SEED_PREFIX = "persona_seed_"
"""`persona_seed_2` is persona, trained with a seed two further."""


class AlignmentConfig(Config):
    """How the projector is aligned with the LLM's words before training."""

    num_steps: int = Field(1000, ge=0, description="Steps; 0 leaves it out, as the paper does.")
    batch_size: int = Field(256, ge=1, description="History items a step.")
    learning_rate: float = Field(1e-3, gt=0, description="Peak learning rate, falling to zero.")
    companion_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description=(
            "Share, in what an item is to say, of the answers that users with such items give "
            "more often than others do; the rest is the item's own output. For tasks with labels."
        ),
    )


class EmbedderFit(FitConfig):
    """The recipe of every trained arm.

    The input encoder starts from a trained one. At three times this rate it collapsed, on some
    seeds, into one direction for all inputs (docs/experiments.md, 2026-11-24).
    """

    num_epochs: float = Field(0.75, gt=0, description="Passes over the training questions.")
    batch_size: int = Field(16, ge=1, description="Questions a step.")
    learning_rate: float = Field(6e-4, gt=0, description="Peak learning rate of new parameters.")
    encoder_learning_rate: float = Field(
        1e-4, ge=0, description="Peak learning rate of the input encoder."
    )


class TrainingConfig(Config):
    """How the user embedder is trained; every trained arm gets the same."""

    fit: EmbedderFit = Field(EmbedderFit(), description="The recipe.")
    alignment: AlignmentConfig = Field(
        AlignmentConfig(), description="Alignment of the projector before training."
    )
    checkpoints: CheckpointConfig = Field(
        CheckpointConfig(), description="Where an interrupted training leaves what it needs."
    )
    num_processes: int = Field(
        1, ge=1, description="Processes, one a GPU of this machine, that share each step."
    )
    history_dropout: float = Field(
        10 / 11,
        ge=0,
        le=1,
        description="Probability that a training question sees a random part of its history.",
    )
    empty_rate: float = Field(
        0.05,
        ge=0,
        le=1,
        description=(
            "Probability that a training question sees no history at all: what teaches the null "
            "row to serve a user without history."
        ),
    )
    min_kept_share: float = Field(
        0.5, gt=0, le=1, description="Smallest share of the history that dropout keeps."
    )
