"""What was recovered of the canaries: the content of the artifact `inversion`."""

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from components.config import Config

Kind = Literal["name", "street", "number", "condition"]
"""Kinds of secret words; every canary has one of each."""
Z = 1.959964
"""Quantile of the normal distribution for two-sided 95 % intervals."""


class Rate(Config):
    """What was recovered, as a share, with its 95 % interval over canaries (`estimate_rate`)."""

    value: float = Field(ge=0, le=1, description="Mean share over the canaries.")
    low: float = Field(ge=0, le=1, description="Its interval's lower end.")
    high: float = Field(ge=0, le=1, description="Its interval's upper end.")


class Attack(Config):
    """What an attack recovers from the same rows in the clear and sealed."""

    clear: Rate = Field(description="From vectors as they are before they are sealed.")
    sealed: Rate = Field(description="From the bytes that the store holds of them, without keys.")
    chance: float = Field(ge=0, le=1, description="By who does not look at the row at all.")


class InversionReport(Config):
    """What whoever has stored rows and knows the encoder recovers of invented texts.

    Definitions are those of `components.inversion.measure`.
    """

    fingerprint: str = Field(description="Of the encoder and history template.")
    num_canaries: int = Field(ge=1, description="Texts that were attacked.")
    num_candidates: int = Field(ge=1, description="Texts among which the nearest is looked for.")
    num_training_texts: int = Field(ge=1, description="Texts that the inverter was trained on.")
    nearest: Attack = Field(description="Whole texts: the nearest candidate is the true one.")
    words: Attack = Field(description="Secret words that the trained inverter recovers.")
    kinds: dict[Kind, Attack] = Field(description="The same by kind of secret word.")


def estimate_rate(shares: Sequence[float]) -> Rate:
    """Return the mean of one share (0 to 1) a canary, with Wilson's 95 % interval.

    It is the interval of as many trials as there are canaries. Where a share is not only 0 or 1 it
    is wider than needed: no share varies more than a yes or no of the same mean.
    """
    n, value = len(shares), sum(shares) / len(shares)
    centre = value + Z**2 / (2 * n)
    half = Z * math.sqrt(value * (1 - value) / n + Z**2 / (4 * n**2))
    low, high = ((centre + side * half) / (1 + Z**2 / n) for side in (-1, 1))
    return Rate(value=value, low=max(low, 0.0), high=min(high, 1.0))
