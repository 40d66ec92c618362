"""Settings of the promotion rule."""

from pydantic import Field

from components.config import Config


class PromotionConfig(Config):
    """What it takes to become champion, beyond beating the controls."""

    margin_share: float = Field(
        0.01,
        ge=0,
        lt=1,
        description=(
            "Non-inferiority margin, as a share of the champion's value of the primary metric: the "
            "candidate is refused unless it is surely less than this much worse."
        ),
    )
    min_users: int = Field(
        30,
        ge=1,
        description=(
            "Fewest users who ask the evaluated questions. A bootstrap over a handful of users "
            "hardly varies: two users with the same gain give an interval without any width."
        ),
    )
    replace_incomparable: bool = Field(
        False,
        description=(
            "Whether a candidate may replace a champion of the same LLM that cannot answer its "
            "questions, as after a change of the history template. Else it is refused."
        ),
    )
