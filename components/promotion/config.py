"""Settings of the promotion rule."""

from pydantic import Field

from components.config import Config


class PromotionConfig(Config):
    """How much worse than today's champion a candidate may be."""

    margin_share: float = Field(
        0.01,
        ge=0,
        lt=1,
        description=(
            "Non-inferiority margin, as a share of the champion's value of the primary metric: the "
            "candidate is refused unless it is surely less than this much worse."
        ),
    )
