"""Settings of the evaluation: which questions, how many resamples, which controls."""

from typing import Literal

from pydantic import Field

from components.config import Config


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


class EvaluationConfig(Config):
    """What is evaluated and how sure the report has to be."""

    split: Literal["dev", "test"] = Field("test", description="Questions that are evaluated.")
    num_draws: int = Field(
        2000, ge=100, description="Bootstrap resamples of the users behind every interval."
    )
    num_shuffles: int = Field(
        5, ge=1, description="Draws of donors whose mean is the arm shuffled."
    )
    user_statistics: UserStatisticsConfig = Field(
        default_factory=UserStatisticsConfig, description="The arm without any model."
    )
