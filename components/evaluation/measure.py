"""From answers to evidence: every arm, slice and ideal judge on the same resamples of the users.

Letters: N questions, K statistics of one metric, D draws.
"""

from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from components.evaluation.aligned_predictions import AlignedPredictions, align_predictions
from components.evaluation.bootstrap import count_effective_users, resample_sums, sum_by_user
from components.evaluation.evaluation import Judge
from components.evaluation.evidence import Evidence, Figure, SliceEvidence, UserGains, sign_of
from components.evaluation.metrics import FloatArray, finish_metric, score_questions
from components.evaluation.predictions import Answers
from components.evaluation.slices import (
    SlicePlan,
    find_plain_arms,
    plan_samples,
    plan_slices,
)
from components.tasks.task import Metric, Task

JUDGES: tuple[Judge, ...] = get_args(Judge)

Limits = Mapping[str, Mapping[str, Mapping[str, str]]]
"""What ideal judges answer: {judge: {metric: {question_id: answer}}}."""
Statistics = Mapping[tuple[str, Metric], FloatArray]
"""Per-question statistics by arm or judge, and metric, float64 [N, K]."""


def measure(answers: Answers, task: Task, limits: Limits, num_draws: int, seed: int) -> Evidence:
    """Measure every arm on the same questions, on all of them and on slices.

    An arm with several draws (shuffled) is averaged question by question.

    Args:
        answers: The arms' answers, and what is known of the questions.
        task: Says what is measured.
        limits: What ideal judges answer; may be empty, may know more questions than were asked.
        num_draws: Bootstrap resamples of the users.
        seed: Of the resamples.

    Raises:
        ValueError: If the arms answer different questions, a gold is not allowed, or a judge knows
            some of the questions and not others.
    """
    aligned = align_predictions(answers.predictions)
    judges = score_judges(aligned, task, limits)
    statistics = score_arms(aligned, task) | judges
    slices = plan_slices(aligned, answers.questions, task, [judge for judge, _ in judges])
    samples = plan_samples(aligned)
    measured = measure_slices([*slices, *samples], statistics, aligned.users, num_draws, seed)
    return Evidence(
        metrics=task.metrics,
        slices={plan.name: measured[plan.name] for plan in slices},
        samples={plan.name: measured[plan.name] for plan in samples},
        users=compare_users(aligned, statistics, task, num_draws, seed),
        largest_loss=find_largest_loss(task),
    )


def find_largest_loss(task: Task) -> float:
    """Return how much one answer can lose: the whole scale of an ordinal task, else one."""
    if task.kind != "ordinal":
        return 1.0
    return float(task.labels[-1]) - float(task.labels[0])


def score_arms(aligned: AlignedPredictions, task: Task) -> dict[tuple[str, Metric], FloatArray]:
    """Return every arm's statistics; zeros where an arm of SAMPLED_ARMS was not asked."""
    statistics: dict[tuple[str, Metric], FloatArray] = {}
    golds = np.array(aligned.golds, dtype=object)
    for arm, draws in aligned.answers.items():
        mask = aligned.sampled.get(arm, np.ones(len(golds), dtype=np.bool_))
        asked = golds[mask].tolist()
        for metric in task.metrics:
            scored = [score_questions(metric, draw, asked, task) for draw in draws]
            mean = scored[0] if len(scored) == 1 else np.mean(scored, axis=0)
            statistics[arm, metric] = np.zeros((len(golds), mean.shape[1]))
            statistics[arm, metric][mask] = mean
    return statistics


def score_judges(
    aligned: AlignedPredictions, task: Task, limits: Limits
) -> dict[tuple[str, Metric], FloatArray]:
    """Return the statistics of the judges that know these questions."""
    statistics: dict[tuple[str, Metric], FloatArray] = {}
    for judge in JUDGES:
        for metric in task.metrics:
            answers = find_judge_answers(limits, judge, metric, aligned.question_ids)
            if answers is not None:
                scored = score_questions(metric, answers, aligned.golds, task)
                statistics[judge, metric] = scored
    return statistics


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


def measure_slices(
    plans: Sequence[SlicePlan],
    statistics: Statistics,
    users: NDArray[np.int64],
    num_draws: int,
    seed: int,
) -> dict[str, SliceEvidence]:
    """Return every slice's figures by its name; slices of the same questions share resamples."""
    by_mask: dict[bytes, list[SlicePlan]] = {}
    for plan in plans:
        by_mask.setdefault(plan.mask.tobytes(), []).append(plan)
    evidence: dict[str, SliceEvidence] = {}
    for alike in by_mask.values():
        mask = alike[0].mask
        if not mask.any():
            evidence |= {plan.name: SliceEvidence({}, 0, 0, 0) for plan in alike}
            continue
        asking = np.unique(users[mask], return_inverse=True)[1]
        needed = {arm for plan in alike for arm in plan.arms.values()}
        parts = {key: values[mask] for key, values in statistics.items() if key[0] in needed}
        figures = measure_figures(parts, asking, num_draws, seed)
        counts = (len(asking), int(asking.max()) + 1, count_effective_users(asking))
        for plan in alike:
            shown = {
                (arm, metric): figure
                for arm, answered in plan.arms.items()
                for (name, metric), figure in figures.items()
                if name == answered
            }
            evidence[plan.name] = SliceEvidence(shown, *counts)
    return evidence


def measure_figures(
    statistics: Statistics, users: NDArray[np.int64], num_draws: int, seed: int
) -> dict[tuple[str, Metric], Figure]:
    """Return every figure, all of them on the same resamples of the users."""
    per_user = [sum_by_user(columns, users) for columns in statistics.values()]
    side_by_side = np.hstack(per_user)
    ends = np.cumsum([columns.shape[1] for columns in per_user])[:-1]
    resampled = resample_sums(side_by_side, np.arange(len(side_by_side)), num_draws, seed)
    totals = np.split(side_by_side.sum(axis=0), ends)
    draws = np.split(resampled, ends, axis=1)
    return {
        key: Figure(float(finish_metric(key[1], total)), finish_metric(key[1], resampled))
        for key, total, resampled in zip(statistics, totals, draws, strict=True)
    }


def compare_users(
    aligned: AlignedPredictions, statistics: Statistics, task: Task, num_draws: int, seed: int
) -> UserGains:
    """Return each user's mean gain of persona over every other arm, by the primary metric.

    Rounded: equal means of several draws may differ in their last digits, which harms nobody.
    """
    metric = task.primary_metric
    num_questions = np.bincount(aligned.users)
    arms = find_plain_arms(aligned)
    means = {
        arm: np.bincount(aligned.users, weights=statistics[arm, metric][:, 0]) / num_questions
        for arm in arms
    }
    gains = {
        arm: (sign_of(metric) * (means["persona"] - means[arm])).round(9)
        for arm in arms
        if arm != "persona" and "persona" in arms
    }
    return UserGains(num_questions, gains, num_draws, seed)
