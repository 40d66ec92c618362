"""Settings of a simulated population week by week."""

from pydantic import Field

from components.config import Config
from components.histories.simulator_config import SimulatorConfig


class WeeksConfig(Config):
    """Who is there, how much they do, and how fast everything changes."""

    tastes: SimulatorConfig = Field(
        SimulatorConfig(),
        description="How strongly tastes show: of the simulator's settings those of LaMP_2.",
    )
    watch_odds: float = Field(
        10.0, ge=1, description="Odds with which a user comes across a question with a liked tag."
    )
    num_users: int = Field(100, ge=1, description="Users in week 0.")
    first_items: float = Field(24.0, gt=0, description="Items of a user in week 0, on average.")
    first_weeks: int = Field(12, ge=1, description="Weeks before the year that week 0 covers.")
    new_users: float = Field(2.0, ge=0, description="Users who join in a week, on average.")
    newcomer_items: float = Field(
        6.0, gt=0, description="Items of a user's first week, on average."
    )
    active_share: float = Field(
        0.5, ge=0, le=1, description="Probability that a user is active in a week."
    )
    active_items: float = Field(
        3.0, gt=0, description="Items that an active user adds in a week, on average."
    )
    quiet_weeks: tuple[int, ...] = Field((), description="Weeks in which little happens.")
    quiet_share: float = Field(
        0.3, ge=0, le=1, description="Share of the usual activity in a quiet week."
    )
    taste_change: float = Field(
        0.01,
        ge=0,
        le=1,
        description="Probability a week that a user draws anew whether she likes a family.",
    )
    fashion_weeks: int | None = Field(
        7, ge=1, description="Weeks from one change of a popular tag to the next; none: never."
    )
    new_words: float = Field(
        0.01, ge=0, le=1, description="Share of phrases of new words that each week adds."
    )
