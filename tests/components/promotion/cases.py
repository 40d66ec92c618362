"""Evidence with draws made by hand, so that p-values are known: they are counts."""

import numpy as np

from components.evaluation.evidence import ALL, Evidence, Figure, SliceEvidence, UserGains
from components.promotion.artifact_check import ArtifactCheck
from components.promotion.case import Case, Rival

NUM_DRAWS = 1999
"""A benefit that is not above zero in k draws has the p-value (k + 1) / 2000: 48 pass, 50 fail."""
SURE, UNSURE = 48, 50
MANY = 1e12
"""Effective users for whom percentiles need no expansion."""
CHAMPION = Rival(version="7", is_candidate=False)
SOUND = ArtifactCheck(
    loaded=True,
    problem=None,
    num_questions=50,
    num_equal=50,
    p50_seconds=0.1,
    p95_seconds=0.2,
    load_seconds=1.0,
    size_bytes=2**20,
    foreign_modules=[],
)


def build_slice(others, metric="accuracy", value=0.5, num_users=300):
    """Persona against others: how often of 1,999 draws it isn't better, and by how much it is."""
    sign = -1 if metric == "mae" else 1
    persona = np.full(NUM_DRAWS, value)
    figures = {("persona", metric): Figure(value, persona)}
    for arm, (num_bad, bad, good) in others.items():
        gains = np.where(np.arange(NUM_DRAWS) < num_bad, bad, good)
        figures[arm, metric] = Figure(value - sign * good, persona - sign * gains)
    return SliceEvidence(figures, 10 * num_users, num_users, MANY)


def build_gains(gains, num_questions=None, arm="instruction_only"):
    gains = np.asarray(gains, dtype=np.float64)
    counts = np.full(len(gains), 5) if num_questions is None else np.asarray(num_questions)
    return UserGains(counts, {arm: gains}, NUM_DRAWS, 0)


def build_evidence(
    others, slices=None, metric="accuracy", users=None, samples=None, largest_loss=1.0, **settings
):
    """Return evidence with `others` in the slice of everything; see `build_slice`."""
    whole = {ALL: build_slice(others, metric, **settings)}
    users = build_gains([0.1] * 80) if users is None else users
    return Evidence((metric,), whole | (slices or {}), samples or {}, users, largest_loss)


def build_case(evidence, rivals=None, artifact=SOUND, replace_incomparable=False):
    return Case(evidence, rivals or {}, artifact, replace_incomparable)
