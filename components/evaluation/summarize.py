"""From evidence to what is reported of it: intervals, differences, users helped and harmed."""

from datetime import datetime

import numpy as np
import pyarrow as pa

from components.evaluation.arm_names import SEED_ARM
from components.evaluation.bootstrap import build_interval
from components.evaluation.evaluation import (
    BASELINES,
    AttentionSummary,
    Evaluation,
    Figures,
    Interval,
    Judge,
    Slice,
    UserOutcomes,
    place_arm,
)
from components.evaluation.evidence import ALL, Evidence, SliceEvidence, UserGains
from components.evaluation.measure import JUDGES
from components.evaluation.predictions import Answers, conform_table
from components.tasks.task import Metric, Task

MIN_GAP_DRAWS = 0.975
"""Share of the draws in which the gap has to be open for `gap_closed` to mean anything."""
MIN_QUESTIONS = 5
"""Users with fewer questions are not said to be helped or harmed."""
NUM_GAIN_BINS = 21
"""Odd, so that the middle one is about zero."""
NUM_ENTROPY_BINS = 20


def summarize(
    evidence: Evidence,
    answers: Answers,
    task: Task,
    split: str,
    newer_than: datetime | None = None,
) -> Evaluation:
    """Put intervals to what was measured, and what was noted beside the answers with it.

    Differences are persona minus the other arm, in the metric's unit, whichever direction is
    better.

    Args:
        evidence: What was measured of the answers.
        answers: The answers, for their costs, weights and notes.
        task: The task.
        split: The split that the questions are from.
        newer_than: The time (UTC) after which they were asked; None: the whole split was.
    """
    everything = evidence.slices[ALL]
    return Evaluation(
        task=task.name,
        split=split,
        newer_than=newer_than,
        num_questions=everything.num_questions,
        num_users=everything.num_users,
        arms=show_arms(everything),
        differences=compare_persona(everything),
        limits=collect_limits(everything),
        gap_closed=compute_gap_closed(everything),
        slices={name: show_slice(s) for name, s in evidence.slices.items() if name != ALL},
        samples={arm: show_slice(sample) for arm, sample in evidence.samples.items()},
        seeds=show_seeds(everything),
        costs=answers.costs,
        users={arm: count_outcomes(evidence.users, arm) for arm in evidence.users.gains},
        attention=summarize_attention(answers.attention),
        notes=answers.notes,
    )


def show_slice(evidence: SliceEvidence) -> Slice:
    """Return what is reported of a slice."""
    return Slice(
        num_questions=evidence.num_questions,
        num_users=evidence.num_users,
        arms=show_arms(evidence),
        differences=compare_persona(evidence),
    )


def show_arms(evidence: SliceEvidence) -> Figures:
    """Return every arm's figures, without judges and other trainings of persona."""
    names = {name for name, _ in evidence.figures if name not in JUDGES}
    arms = sorted((name for name in names if not SEED_ARM.fullmatch(name)), key=place_arm)
    return {arm: show_figures(evidence, arm) for arm in arms}


def show_figures(evidence: SliceEvidence, arm: str) -> dict[Metric, Interval]:
    """Return an arm's figures with their intervals."""
    return {
        metric: evidence.interval(figure)
        for (name, metric), figure in evidence.figures.items()
        if name == arm
    }


def show_seeds(evidence: SliceEvidence) -> dict[str, dict[Metric, Interval]]:
    """Return the figures of persona as it is and as other seeds trained it, by seed."""
    arms = dict.fromkeys(name for name, _ in evidence.figures)
    seeds = {match[1]: match[0] for arm in arms if (match := SEED_ARM.fullmatch(arm))}
    named = {"candidate": "persona"} | seeds if seeds else {}
    return {seed: show_figures(evidence, arm) for seed, arm in named.items()}


def compare_persona(evidence: SliceEvidence) -> Figures:
    """Return persona minus every other arm, paired by question and resample."""
    metrics = [metric for name, metric in evidence.figures if name == "persona"]
    arms = {name for name, _ in evidence.figures}
    return {
        f"persona_vs_{arm}": {
            metric: evidence.interval(evidence.difference(arm, metric)) for metric in metrics
        }
        for arm in BASELINES
        if metrics and arm in arms
    }


def collect_limits(evidence: SliceEvidence) -> dict[Judge, dict[Metric, float]]:
    """Return what ideal judges reach, by judge and metric, where known."""
    limits: dict[Judge, dict[Metric, float]] = {}
    for judge in JUDGES:
        values = {
            metric: figure.value
            for (name, metric), figure in evidence.figures.items()
            if name == judge
        }
        if values:
            limits[judge] = values
    return limits


def compute_gap_closed(evidence: SliceEvidence) -> dict[Metric, Interval]:
    """Return the share of the gap from without_user to bayes that persona closes.

    A metric whose gap may be shut (in more than 2.5 % of the resamples) has no share.
    """
    shares: dict[Metric, Interval] = {}
    for metric in dict.fromkeys(metric for _, metric in evidence.figures):
        keys = [(name, metric) for name in ("persona", "without_user", "bayes")]
        if not all(key in evidence.figures for key in keys):
            continue
        persona, low, high = (evidence.figures[key] for key in keys)
        gaps = high.draws - low.draws
        is_open = gaps * (high.value - low.value) > 0
        if is_open.mean() < MIN_GAP_DRAWS:
            continue
        value = (persona.value - low.value) / (high.value - low.value)
        draws = (persona.draws[is_open] - low.draws[is_open]) / gaps[is_open]
        shares[metric] = build_interval(value, draws, evidence.effective_users)
    return shares


def count_outcomes(users: UserGains, arm: str) -> UserOutcomes:
    """Return how many users persona helps and harms, compared with an arm."""
    gains = users.counted(arm, MIN_QUESTIONS)
    counts = {
        "helped": np.count_nonzero(gains > 0),
        "harmed": np.count_nonzero(gains < 0),
        "equal": np.count_nonzero(gains == 0),
    }
    if not len(gains):
        return UserOutcomes(min_questions=MIN_QUESTIONS, **counts)
    net = users.net_harmed(arm, MIN_QUESTIONS)
    widest = float(np.abs(gains).max()) or 1.0
    bins, edges = np.histogram(gains, bins=NUM_GAIN_BINS, range=(-widest, widest))
    return UserOutcomes(
        min_questions=MIN_QUESTIONS,
        **counts,
        net_harmed=build_interval(net.value, net.draws, max(2, len(gains))),
        edges=edges.tolist(),
        counts=bins.tolist(),
    )


def summarize_attention(attention: pa.Table) -> AttentionSummary | None:
    """Return how the weights are spread over histories of two or more items; None without any."""
    table = conform_table("attention", attention)
    entropy = table["entropy"].to_numpy().astype(np.float64)
    is_spread = ~np.isnan(entropy)
    if not is_spread.any():
        return None
    entropy = np.clip(entropy[is_spread], 0, 1)  # rounding of float32
    bins, edges = np.histogram(entropy, bins=NUM_ENTROPY_BINS, range=(0, 1))
    null_weight = table["null_weight"].to_numpy().astype(np.float64)[is_spread]
    return AttentionSummary(
        num_questions=len(entropy),
        mean_entropy=float(entropy.mean()),
        mean_null_weight=float(np.clip(null_weight, 0, 1).mean()),
        edges=edges.tolist(),
        counts=bins.tolist(),
    )
