"""From predictions to figures: arms, paired differences, limits and the share of the gap closed.

Letters: N questions, K statistics of one metric, D draws.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

import numpy as np
import pyarrow as pa

from components.evaluation.aligned_predictions import AlignedPredictions, align_predictions
from components.evaluation.bootstrap import build_interval, resample_sums
from components.evaluation.evaluation import ARMS, BASELINES, Evaluation, Interval, Judge
from components.evaluation.metrics import FloatArray, finish_metric, score_questions
from components.tasks.task import Metric, Task

JUDGES: tuple[Judge, ...] = get_args(Judge)
MIN_GAP_DRAWS = 0.975
"""Share of the draws in which the gap has to be open for `gap_closed` to mean anything."""

Limits = Mapping[str, Mapping[str, Mapping[str, str]]]
"""What ideal judges answer: {judge: {metric: {question_id: answer}}}."""


class Figure(NamedTuple):
    """One metric of one arm or judge: over all questions, and over every resample [D]."""

    value: float
    draws: FloatArray


def summarize(
    predictions: pa.Table, task: Task, split: str, limits: Limits, num_draws: int, seed: int
) -> Evaluation:
    """Measure every arm on the same questions.

    An arm with several draws (shuffled) is averaged question by question. Differences are persona
    minus the other arm, in the metric's unit, whichever direction is better.

    Args:
        predictions: Columns as in PREDICTION_SCHEMA.
        task: Says what is measured.
        split: The split that the questions are from.
        limits: What ideal judges answer; may be empty, may know more questions than were asked.
        num_draws: Bootstrap resamples of the users.
        seed: Of the resamples.

    Raises:
        ValueError: If the arms answer different questions, a gold is not allowed, or a judge knows
            some of the questions and not others.
    """
    aligned = align_predictions(predictions)
    statistics: dict[tuple[str, Metric], FloatArray] = {}
    for arm in sorted(aligned.answers, key=_place):
        for metric in task.metrics:
            statistics[arm, metric] = average_draws(metric, aligned.answers[arm], aligned, task)
    for judge in JUDGES:
        for metric in task.metrics:
            answers = find_judge_answers(limits, judge, metric, aligned.question_ids)
            if answers is not None:
                statistics[judge, metric] = average_draws(metric, [answers], aligned, task)
    figures = measure(statistics, aligned, num_draws, seed)
    return Evaluation(
        task=task.name,
        split=split,
        num_questions=len(aligned.question_ids),
        num_users=aligned.num_users,
        arms={
            arm: {metric: build_interval(*figures[arm, metric]) for metric in task.metrics}
            for arm in sorted(aligned.answers, key=_place)
        },
        differences=compare_persona(figures, task),
        limits=collect_limits(figures, task),
        gap_closed=compute_gap_closed(figures, task),
    )


def average_draws(
    metric: Metric, draws: list[list[str]], aligned: AlignedPredictions, task: Task
) -> FloatArray:
    """Return an arm's per-question statistics, averaged over its draws, float64 [N, K]."""
    scored = [score_questions(metric, draw, aligned.golds, task) for draw in draws]
    return np.asarray(np.mean(scored, axis=0)) if len(scored) > 1 else scored[0]


def find_judge_answers(
    limits: Limits, judge: str, metric: str, question_ids: list[str]
) -> list[str] | None:
    """Return a judge's answers to the questions, or None if it knows none of them.

    Raises:
        ValueError: If it knows some of the questions and not others.
    """
    answers = limits.get(judge, {}).get(metric, {})
    missing = [question_id for question_id in question_ids if question_id not in answers]
    if len(missing) == len(question_ids):
        return None
    if missing:
        raise ValueError(f"limits: {judge} has no {metric} answer to question {missing[0]!r}")
    return [answers[question_id] for question_id in question_ids]


def measure(
    statistics: Mapping[tuple[str, Metric], FloatArray],
    aligned: AlignedPredictions,
    num_draws: int,
    seed: int,
) -> dict[tuple[str, Metric], Figure]:
    """Return every figure, all of them on the same resamples."""
    side_by_side = np.hstack(list(statistics.values()))
    ends = np.cumsum([columns.shape[1] for columns in statistics.values()])[:-1]
    sums = np.split(side_by_side.sum(axis=0), ends)
    draws = np.split(resample_sums(side_by_side, aligned.users, num_draws, seed), ends, axis=1)
    return {
        key: Figure(float(finish_metric(key[1], total)), finish_metric(key[1], resampled))
        for key, total, resampled in zip(statistics, sums, draws, strict=True)
    }


def compare_persona(
    figures: Mapping[tuple[str, Metric], Figure], task: Task
) -> dict[str, dict[Metric, Interval]]:
    """Return persona minus every other arm, paired by question and resample."""
    measured = {arm for arm, _ in figures}
    if "persona" not in measured:
        return {}
    differences: dict[str, dict[Metric, Interval]] = {}
    for arm in (arm for arm in BASELINES if arm in measured):
        differences[f"persona_vs_{arm}"] = {}
        for metric in task.metrics:
            persona, other = figures["persona", metric], figures[arm, metric]
            interval = build_interval(persona.value - other.value, persona.draws - other.draws)
            differences[f"persona_vs_{arm}"][metric] = interval
    return differences


def collect_limits(
    figures: Mapping[tuple[str, Metric], Figure], task: Task
) -> dict[Judge, dict[Metric, float]]:
    """Return what ideal judges reach, by judge and metric, where known."""
    limits: dict[Judge, dict[Metric, float]] = {}
    for judge in JUDGES:
        known = [metric for metric in task.metrics if (judge, metric) in figures]
        if known:
            limits[judge] = {metric: figures[judge, metric].value for metric in known}
    return limits


def compute_gap_closed(
    figures: Mapping[tuple[str, Any], Figure], task: Task
) -> dict[Metric, Interval]:
    """Return the share of the gap from without_user to bayes that persona closes.

    A metric whose gap may be shut (in more than 2.5 % of the resamples) has no share.
    """
    shares: dict[Metric, Interval] = {}
    for metric in task.metrics:
        keys = [(name, metric) for name in ("persona", "without_user", "bayes")]
        if not all(key in figures for key in keys):
            continue
        persona, low, high = (figures[key] for key in keys)
        gaps = high.draws - low.draws
        is_open = gaps * (high.value - low.value) > 0
        if is_open.mean() < MIN_GAP_DRAWS:
            continue
        value = (persona.value - low.value) / (high.value - low.value)
        draws = (persona.draws[is_open] - low.draws[is_open]) / gaps[is_open]
        shares[metric] = build_interval(value, draws)
    return shares


def _place(arm: str) -> tuple[int, str]:
    """Return an arm's place in reports: known ones first, others by name."""
    return (ARMS.index(arm) if arm in ARMS else len(ARMS), arm)
