"""Settings of the evaluation: which questions, how many resamples, which controls."""

from typing import Literal, Self

from pydantic import Field, model_validator

from components.config import Config
from components.encoders.config import REFERENCE, EncoderConfig


class UserStatisticsConfig(Config):
    """The arm without any model: what simple statistics of a user's history reach."""

    decay: float = Field(
        0.7, gt=0, le=1, description="Weight of an item relative to the next newer one."
    )
    max_train_questions: int = Field(
        20_000, ge=1, description="Most train questions the text-plus-user model learns from."
    )
    max_vocabulary: int = Field(
        20_000, ge=1, description="Most words and word pairs of the text-plus-user model."
    )


ArmName = Literal[
    "base",
    "instruction_only",
    "user_statistics",
    "retrieval_random",
    "retrieval_recency",
    "retrieval_bm25",
    "retrieval_dense",
    "retrieval_tuned",
    "per_user_lora",
    "mean_pooling",
    "trained_on_shuffled",
    "shuffled",
    "persona",
    "persona_retrieval",
    "persona_float32",
]
QUICK_ARMS: tuple[ArmName, ...] = (
    "base",
    "instruction_only",
    "user_statistics",
    "mean_pooling",
    "shuffled",
    "persona",
)


class PerUserLoraConfig(Config):
    """The arm with one LoRA a user, on a sample of the users."""

    num_users: int = Field(20, ge=1, description="Users of the sample, seeded.")
    rank: int = Field(8, ge=1, description="Rank r of the LoRA matrices.")
    alpha: int = Field(32, gt=0, description="LoRA's alpha.")
    num_epochs: float = Field(3.0, gt=0, description="Passes over the user's history items.")
    batch_size: int = Field(8, ge=1, description="History items a step.")
    learning_rate: float = Field(1e-3, gt=0, description="Peak learning rate.")


class EvaluationConfig(Config):
    """What is evaluated and how sure the report has to be."""

    split: Literal["dev", "test"] = Field("test", description="Questions that are evaluated.")
    arms: tuple[ArmName, ...] = Field(
        QUICK_ARMS,
        description=(
            "Arms that answer, in this order; those of the quickstart by default. Each further one "
            "costs an answering, trained_on_shuffled and retrieval_tuned a training too."
        ),
    )
    history_cuts: tuple[int, ...] = Field(
        (0, 1, 4, 16),
        description="Persona answers again with this many newest items of each history only.",
    )
    num_seeds: int = Field(
        1,
        ge=1,
        description=(
            "Training seeds whose persona answers, the candidate's own included: with three or "
            "more the report tells how much of a difference is a seed's luck."
        ),
    )
    num_generated: int = Field(
        200,
        ge=0,
        description=(
            "Questions of a task with labels that persona also answers by free generation, to tell "
            "how often that agrees with the labels' scores."
        ),
    )
    per_user_lora: PerUserLoraConfig = Field(
        PerUserLoraConfig(), description="The arm per_user_lora."
    )
    num_draws: int = Field(
        2000, ge=2000, description="Bootstrap resamples of the users behind every interval."
    )
    num_reproduced: int = Field(
        64,
        ge=1,
        description="Questions that the registered artifact is asked again, in a fresh process.",
    )
    num_shuffles: int = Field(
        5, ge=1, description="Draws of donors whose mean is the arm shuffled."
    )
    user_statistics: UserStatisticsConfig = Field(
        default_factory=UserStatisticsConfig, description="The arm without any model."
    )

    @model_validator(mode="after")
    def _has_persona(self) -> Self:
        if "persona" not in self.arms:
            raise ValueError(f"arms: persona is judged, so it has to answer; got {self.arms}")
        return self

    def for_encoder(self, encoder: EncoderConfig) -> Self:
        """Return the settings for a run's encoder.

        Of another back end than float32 on torch, the same plug-in is also asked with float32's
        vectors: the rules then tell whether the back end costs anything.
        """
        if encoder.back_end == REFERENCE or "persona_float32" in self.arms:
            return self
        return self.model_copy(update={"arms": (*self.arms, "persona_float32")})
