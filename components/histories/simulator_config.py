"""Settings of the simulator of users with latent tastes."""

from typing import Self

from pydantic import Field, model_validator

from components.config import Config


class SimulatorConfig(Config):
    """How many simulated users there are, and how strongly their tastes show."""

    num_train_users: int = Field(1600, ge=4, description="Users who only ask train questions.")
    num_dev_users: int = Field(24, ge=2, description="Users who only ask dev questions.")
    num_test_users: int = Field(120, ge=2, description="Users who only ask test questions.")
    train_questions_per_user: int = Field(10, ge=1, description="Questions a train user asks.")
    eval_questions_per_user: int = Field(12, ge=1, description="Questions a dev or test user asks.")
    min_items: int = Field(24, ge=0, description="Fewest history items a user has.")
    max_items: int = Field(40, ge=1, description="Most history items a user has.")
    liked_share: float = Field(
        0.35,
        gt=0,
        lt=1,
        description="LaMP_2: probability that a user likes a family of tags.",
    )
    liked_weight: float = Field(
        200.0, ge=1, description="LaMP_2: odds with which a user picks a liked over another tag."
    )
    popularity_odds: float = Field(
        20.0, ge=1, description="LaMP_2: odds with which a popular tag is picked over a niche one."
    )
    harshness_scale: float = Field(
        1.0, gt=0, description="LaMP_3: standard deviation of users' harshness, in score points."
    )
    tag_noise: float = Field(
        0.03, ge=0, le=1, description="LaMP_2: probability that an answer is drawn from all tags."
    )
    score_noise: float = Field(
        0.5, gt=0, description="LaMP_3: standard deviation of a single score, in score points."
    )

    @model_validator(mode="after")
    def _check_items(self) -> Self:
        if self.min_items > self.max_items:
            raise ValueError(f"min_items is {self.min_items}, above max_items {self.max_items}")
        return self
