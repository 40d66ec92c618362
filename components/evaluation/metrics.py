"""Metrics as sums over questions, so that a bootstrap over users is one matrix product.

Every metric is a matrix of per-question statistics and a function of their column sums: accuracy
is (right, 1) summed and divided. Definitions are the benchmark's (method section 5): a label counts
only as it is written, but for space around it; macro F1 runs over all labels of the task; an answer
outside the labels is wrong; an ordinal answer is a number where Python's `float` reads one ("4.0",
not "score: 4"), or else counts as the farther of the lowest and the highest label; ROUGE is the
F-measure without stemming. NaN, an infinite number and one beyond 1e100, which the benchmark
would let through, are no numbers here.

Letters: N questions, K statistics of one metric, L labels.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components.tasks.task import Metric, Task

FloatArray = NDArray[np.float64]
OUTSIDE_LABELS = -1
LARGEST_NUMBER = 1e100
ROUGE_TYPES = {"rouge_1": "rouge1", "rouge_l": "rougeL"}


def higher_is_better(metric: str) -> bool:
    """Return whether a higher value of the metric is better; errors (mae, rmse) are the others."""
    return metric not in ("mae", "rmse")


def score_questions(
    metric: Metric, predictions: Sequence[str], golds: Sequence[str], task: Task
) -> FloatArray:
    """Return the per-question statistics of one metric, float64 [N, K].

    `finish_metric` turns their sums over any questions into the metric over these questions. With
    labels a and b, predictions a, b and golds a, a give for macro_f1 (twice the hits of a and b,
    then false positives plus negatives of a and b): [[2, 0, 0, 0], [0, 0, 1, 1]].

    Raises:
        ValueError: If there are not as many golds as predictions, the task has no such metric, or
            a gold is not allowed by the task.
    """
    if len(predictions) != len(golds):
        raise ValueError(f"{len(predictions)} predictions for {len(golds)} golds")
    if metric not in task.metrics:
        raise ValueError(f"task {task.name} ({task.kind}) has {task.metrics}, not {metric!r}")
    if metric in ROUGE_TYPES:
        values = _score_rouge(metric, predictions, golds)
    elif task.kind == "ordinal":
        errors = _score_errors(predictions, golds, task)
        values = errors**2 if metric == "rmse" else errors
    else:
        predicted = encode_labels(predictions, task)
        expected = encode_labels(golds, task)
        if (expected == OUTSIDE_LABELS).any():
            row = int(np.argmax(expected == OUTSIDE_LABELS))
            raise ValueError(f"gold {golds[row]!r} is none of the labels {list(task.labels)}")
        if metric == "macro_f1":
            return _count_hits(predicted, expected, len(task.labels))
        values = (predicted == expected).astype(np.float64)
    return np.column_stack([values, np.ones(len(values))])


def finish_metric(metric: Metric, sums: FloatArray) -> FloatArray:
    """Turn sums of per-question statistics, [..., K], into values of the metric, [...].

    A label that is neither predicted nor expected has F1 0, as in scikit-learn and the benchmark.
    """
    if metric == "macro_f1":
        hits, misses = np.split(sums, 2, axis=-1)
        total = hits + misses
        f1: FloatArray = np.divide(hits, total, out=np.zeros_like(total), where=total > 0)
        return np.asarray(f1.mean(axis=-1))
    mean = sums[..., 0] / sums[..., 1]
    return np.asarray(np.sqrt(mean) if metric == "rmse" else mean)


def compute_metric(
    metric: Metric, predictions: Sequence[str], golds: Sequence[str], task: Task
) -> float:
    """Return the metric over all given questions.

    Raises:
        ValueError: If there are no questions, or as `score_questions` says.
    """
    if not len(golds):
        raise ValueError(f"{metric} of no questions")
    return float(
        finish_metric(metric, score_questions(metric, predictions, golds, task).sum(axis=0))
    )


def encode_labels(answers: Sequence[str | None], task: Task) -> NDArray[np.int64]:
    """Return every answer's position among the task's labels, or OUTSIDE_LABELS.

    Only space around an answer says nothing; ordinal answers are compared as numbers.

    Raises:
        ValueError: If two labels of the task differ only in space around them.
    """
    keys = [_normalise(label, task) for label in task.labels]
    if len(set(keys)) < len(keys):
        raise ValueError(f"task {task.name}: labels differ only in space: {list(task.labels)}")
    position = {key: index for index, key in enumerate(keys)}
    codes = (
        OUTSIDE_LABELS if answer is None else position.get(_normalise(answer, task), OUTSIDE_LABELS)
        for answer in answers
    )
    return np.fromiter(codes, dtype=np.int64, count=len(answers))


def parse_number(answer: str) -> float | None:
    """Return the number that an answer is, or None; one too large to be squared is none."""
    try:
        number = float(answer)
    except ValueError:
        return None
    return number if abs(number) <= LARGEST_NUMBER else None


def _normalise(answer: str, task: Task) -> str | float | None:
    return parse_number(answer) if task.kind == "ordinal" else answer.strip()


def _score_errors(predictions: Sequence[str], golds: Sequence[str], task: Task) -> FloatArray:
    """Return absolute errors, in points of the label scale."""
    lowest, highest = float(task.labels[0]), float(task.labels[-1])
    errors = np.empty(len(golds))
    for row, (prediction, gold) in enumerate(zip(predictions, golds, strict=True)):
        expected, predicted = parse_number(gold), parse_number(prediction)
        if expected is None:
            raise ValueError(f"gold {gold!r} of task {task.name} is no number")
        if predicted is None:
            errors[row] = max(expected - lowest, highest - expected)
        else:
            errors[row] = abs(predicted - expected)
    return errors


def _score_rouge(metric: str, predictions: Sequence[str], golds: Sequence[str]) -> FloatArray:
    """Return F-measures; each distinct pair of texts is scored once."""
    # Imported here: it brings all of nltk, and only tasks whose outputs are texts need it.
    from rouge_score.rouge_scorer import RougeScorer

    rouge_type = ROUGE_TYPES[metric]
    scorer = RougeScorer([rouge_type], use_stemmer=False)
    pairs = list(zip(golds, predictions, strict=True))
    known = {pair: scorer.score(*pair)[rouge_type].fmeasure for pair in dict.fromkeys(pairs)}
    return np.array([known[pair] for pair in pairs], dtype=np.float64)


def _count_hits(
    predicted: NDArray[np.int64], expected: NDArray[np.int64], num_labels: int
) -> FloatArray:
    """Return, by label, twice the true positives and the false positives plus negatives [N, 2L]."""
    statistics = np.zeros((len(expected), 2 * num_labels))
    rows = np.arange(len(expected))
    right = predicted == expected
    statistics[rows[right], expected[right]] = 2
    wrong = ~right
    statistics[rows[wrong], num_labels + expected[wrong]] += 1
    named = wrong & (predicted != OUTSIDE_LABELS)
    statistics[rows[named], num_labels + predicted[named]] += 1
    return statistics
