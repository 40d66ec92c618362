"""How far today's data are from what the champion was trained on, and whether that may be chance.

Letters: Q quantiles, E encoder width, D draws, L labels and what is none.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from components.config import Config
from components.lineage.config import DriftConfig
from components.lineage.data_profile import DataProfile, MeasureName

Status = Literal["stable", "drifted", "not_comparable"]

CHANCE = 0.01
"""How often two samples of one population differ by more than `noise`."""
KS_FACTOR = math.sqrt(-math.log(CHANCE / 2) / 2)
NORM_FACTOR = 2.5758
"""Of a normal variable's absolute value, the 99 % quantile; for the length of a normal vector with
the same mean square it is an upper bound, whatever the covariance (Szekely and Bakirov, 2003)."""
NUM_DRAWS = 2000

MEASURE_WORDS: dict[MeasureName, str] = {
    "items_per_user": "items a user",
    "text_length": "text length",
    "label_shares": "label shares",
    "vector_mean": "mean behavior vector",
}


class DriftMeasure(Config):
    """One way of comparing two profiles."""

    name: MeasureName = Field(description="What is compared.")
    status: Status = Field(
        description="Drifted: the distance is above the threshold and above what may be chance."
    )
    threshold: float = Field(ge=0, description="Largest distance that is allowed.")
    distance: float | None = Field(
        None, ge=0, description="As `DriftConfig` says; none if not comparable."
    )
    noise: float | None = Field(
        None,
        ge=0,
        description=(
            "99 % of the distances of two independent samples of one population are below it, for "
            "samples of these effective sizes; none if not comparable."
        ),
    )
    reason: str | None = Field(None, description="Why it is not comparable.")


class DriftReport(Config):
    """Today's data against the champion's: the signal that a scheduled retraining reads."""

    status: Status = Field(description="Drifted if any measure did.")
    verdict: str = Field(description="The same in one sentence.")
    champion_version: str | None = Field(description="Its version; none if there is no champion.")
    champion: DataProfile | None = Field(description="Its data; none if nothing is known of them.")
    today: DataProfile = Field(description="Today's data.")
    measures: list[DriftMeasure] = Field(
        description="What was compared; empty if nothing is known of the champion's data."
    )

    @property
    def drifted(self) -> bool:
        """Whether today's data have drifted."""
        return self.status == "drifted"


def report_incomparable(reason: str, today: DataProfile, version: str | None = None) -> DriftReport:
    """Report that today's data cannot be compared.

    Args:
        reason: A clause that says why.
        today: Today's data.
        version: The champion's version, if there is a champion.
    """
    return DriftReport(
        status="not_comparable",
        verdict=f"Whether the data have drifted is not known: {reason}.",
        champion_version=version,
        champion=None,
        today=today,
        measures=[],
    )


def compare_profiles(
    champion: DataProfile, today: DataProfile, config: DriftConfig, version: str
) -> DriftReport:
    """Compare today's data with those that the champion, or another version, was trained on."""
    has_labels = bool(champion.label_shares or today.label_shares)  # a text task has none
    measures = [
        _compare(name, champion, today, getattr(config, name))
        for name in MEASURES
        if has_labels or name != "label_shares"
    ]
    statuses = {measure.status for measure in measures}
    order: tuple[Status, ...] = ("drifted", "stable", "not_comparable")
    status = next(one for one in order if one in statuses)
    return DriftReport(
        status=status,
        verdict=_write_verdict(status, measures, version),
        champion_version=version,
        champion=champion,
        today=today,
        measures=measures,
    )


def _compare(
    name: MeasureName, champion: DataProfile, today: DataProfile, threshold: float
) -> DriftMeasure:
    reason = _name_obstacle(name, champion, today)
    if reason is not None:
        return DriftMeasure(name=name, status="not_comparable", threshold=threshold, reason=reason)
    distance, noise = MEASURES[name](champion, today)
    status: Status = "drifted" if distance > max(threshold, noise) else "stable"
    return DriftMeasure(
        name=name, status=status, threshold=threshold, distance=distance, noise=noise
    )


def _name_obstacle(name: MeasureName, champion: DataProfile, today: DataProfile) -> str | None:
    if name == "vector_mean" and champion.encoder_fingerprint != today.encoder_fingerprint:
        return "another encoder made the champion's vectors"
    for profile, whose in ((champion, "the champion's"), (today, "today's")):
        if not profile.effective_sizes[name]:
            return f"fewer than two of {whose} users have any"
        if name == "vector_mean" and not profile.vector_spread:
            return f"all of {whose} are the same"
    return None


def measure_quantiles(
    name: MeasureName, champion: DataProfile, today: DataProfile
) -> tuple[float, float]:
    """Return the Kolmogorov-Smirnov distance, 0 to 1, and its critical value.

    The distance is exact to .01, since each quantile stands for one hundredth of its sample.
    """
    first_Q, second_Q = (np.sort(getattr(profile, name)) for profile in (champion, today))
    places = np.union1d(first_Q, second_Q)
    below = [np.searchsorted(part, places, "right") / len(part) for part in (first_Q, second_Q)]
    distance = float(np.abs(below[0] - below[1]).max())
    sizes = (profile.effective_sizes[name] for profile in (champion, today))
    return distance, min(1.0, KS_FACTOR * math.sqrt(sum(1 / size for size in sizes)))


def measure_shares(champion: DataProfile, today: DataProfile) -> tuple[float, float]:
    """Return the total variation distance, 0 to 1, and its 99 % quantile over drawn samples.

    Outputs that are no label count as one label more.
    """
    labels = list(dict.fromkeys([*champion.label_shares, *today.label_shares]))
    first_L, second_L = (_list_shares(profile, labels) for profile in (champion, today))
    first_size, second_size = (
        max(1, round(profile.effective_sizes["label_shares"])) for profile in (champion, today)
    )
    pooled_L = first_L * first_size + second_L * second_size
    pooled_L /= pooled_L.sum()
    generator = np.random.default_rng(0)
    drawn = [
        generator.multinomial(size, pooled_L, NUM_DRAWS) / size
        for size in (first_size, second_size)
    ]
    noise = np.quantile(_vary(drawn[0], drawn[1]), 1 - CHANCE)
    return float(_vary(first_L, second_L)), float(noise)


def measure_vectors(champion: DataProfile, today: DataProfile) -> tuple[float, float]:
    """Return the distance of the means in units of the vectors' spread, and its upper bound."""
    first_E, second_E = (np.array(profile.vector_mean) for profile in (champion, today))
    profiles = (champion, today)
    unit = math.sqrt(sum(profile.vector_spread**2 for profile in profiles) / 2)
    errors = [p.vector_spread**2 / p.effective_sizes["vector_mean"] for p in profiles]
    distance = float(np.linalg.norm(first_E - second_E)) / unit
    return distance, NORM_FACTOR * math.sqrt(sum(errors)) / unit


MEASURES: dict[MeasureName, Callable[[DataProfile, DataProfile], tuple[float, float]]] = {
    "items_per_user": partial(measure_quantiles, "items_per_user"),
    "text_length": partial(measure_quantiles, "text_length"),
    "label_shares": measure_shares,
    "vector_mean": measure_vectors,
}
"""Each returns distance and noise."""


def _list_shares(profile: DataProfile, labels: list[str]) -> NDArray[np.float64]:
    shares = [profile.label_shares.get(label, 0.0) for label in labels]
    return np.array([*shares, max(0.0, 1 - sum(shares))])


def _vary(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    varied: NDArray[np.float64] = np.abs(first - second).sum(axis=-1) / 2
    return varied


def _write_verdict(status: Status, measures: list[DriftMeasure], version: str) -> str:
    whose = f"the champion's (version {version})"
    if status == "not_comparable":
        return f"Whether the data have drifted from {whose} is not known: nothing is comparable."
    if status == "stable":
        left_out = [MEASURE_WORDS[m.name] for m in measures if m.status == "not_comparable"]
        beside = f"; not comparable: {', '.join(left_out)}" if left_out else ""
        return f"The data have not drifted from {whose}{beside}."
    found = [
        f"{MEASURE_WORDS[m.name]} by {m.distance:.2f} (allowed {m.threshold:.2f})"
        for m in measures
        if m.status == "drifted"
    ]
    return f"The data have drifted from {whose}: {', '.join(found)}."
