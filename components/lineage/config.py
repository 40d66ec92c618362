"""Settings of the drift check."""

from pydantic import Field

from components.config import Config


class DriftConfig(Config):
    """How far today's data may be from what the champion was trained on.

    What is farther is called drift only if two samples of one population would hardly ever differ
    as much: a threshold of 0 asks for whatever is not chance.
    """

    items_per_user: float = Field(
        0.2,
        ge=0,
        le=1,
        description=(
            "Largest gap between the shares of users with at most so many items, 0 to 1 "
            "(Kolmogorov-Smirnov). Histories grow by themselves, so this is wider than the others."
        ),
    )
    text_length: float = Field(
        0.1,
        ge=0,
        le=1,
        description=(
            "Largest gap between the shares of items with at most so many characters, 0 to 1 "
            "(Kolmogorov-Smirnov)."
        ),
    )
    label_shares: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Share of outputs that went to other labels, 0 to 1 (total variation).",
    )
    vector_mean: float = Field(
        0.1,
        ge=0,
        description=(
            "Distance between the mean behavior vectors, in units of the vectors' root mean square "
            "distance from their mean; 0 and up, about 1 for other texts altogether."
        ),
    )
