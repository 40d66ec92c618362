"""Settings of the drift check, and of the retraining that it may give reason to."""

from typing import Self

from pydantic import Field, model_validator

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


class RetrainingConfig(Config):
    """What is reason enough to train again; the first that holds is.

    Counted from the last training, whether its model was promoted or refused. Without anything new
    there is no reason, and without a champion always one.
    """

    min_new_items: int | None = Field(
        10_000, ge=1, description="So many new history items are enough; None: no number is."
    )
    min_new_share: float | None = Field(
        0.1,
        gt=0,
        description=(
            "So many are enough, as a share of the items that the last training had; None: no "
            "share is."
        ),
    )
    on_drift: bool = Field(
        True, description="Whether drift from the champion's data is enough, as `drift` measures."
    )
    max_days: float | None = Field(
        None, gt=0, description="A last training so many days ago is enough; None: no age is."
    )
    min_questions: int = Field(
        100,
        ge=1,
        description=(
            "Fewest questions on which candidate and champion can meet: evaluated ones that are "
            "newer than what either was trained on. With fewer nothing is trained."
        ),
    )

    @model_validator(mode="after")
    def _has_reason(self) -> Self:
        if not (self.min_new_items or self.min_new_share or self.on_drift or self.max_days):
            raise ValueError(
                "nothing is reason enough: set one of min_new_items, min_new_share, on_drift and "
                "max_days"
            )
        return self
