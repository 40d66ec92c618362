"""What a history item tells of its user's answers: those that go with its own output.

Who watches comedies also answers "dark comedy" more often than others do. The train questions say
so in counts, before any gradient does: without the LLM, in a second.

Letters: Q questions, N history items, L labels.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components.tasks.task import Task

FloatArray = NDArray[np.float64]
NUM_ERRORS = 3.0
"""Standard errors that an answer has to be more frequent by: what is less is chance, or may be."""


def name_companions(
    task: Task,
    outputs: Sequence[str | None],
    histories: Sequence[np.ndarray],
    answers: Sequence[str],
) -> dict[str, dict[str, float]]:
    """Find, of each label of an item, the answers that go with it.

    Args:
        task: Its labels.
        outputs: Of every history item, N.
        histories: Rows of `outputs`, one array a question.
        answers: The gold answers, Q.

    Returns:
        Answers and weights, which sum to one, by label. A label that surely goes with no answer is
        left out; so are all where the task has no labels.
    """
    place = {label: number for number, label in enumerate(task.labels)}
    outputs_N = np.array([place.get(output or "", -1) for output in outputs])
    answers_Q = np.array([place.get(answer, -1) for answer in answers])
    weights_LL = weigh_companions(outputs_N, histories, answers_Q, len(place))
    named = {}
    for label, weights_L in zip(place, weights_LL.tolist(), strict=True):
        weights = zip(place, weights_L, strict=True)
        named[label] = {answer: weight for answer, weight in weights if weight}
    return {label: weights for label, weights in named.items() if weights}


def weigh_companions(
    outputs_N: NDArray[np.int64],
    histories: Sequence[np.ndarray],
    answers_Q: NDArray[np.int64],
    num_labels: int,
) -> FloatArray:
    """Return how much more often than anybody the users of a label's items give each answer.

    A question counts for a label by the label's share of its history. Differences within
    `NUM_ERRORS` standard errors count as none, and only what is more often counts.

    Args:
        outputs_N: The label of every history item, -1 for none.
        histories: Rows of `outputs_N`, one array a question.
        answers_Q: The label of every answer, -1 for none.
        num_labels: L.

    Returns:
        [L, L], an item's label by an answer's; a row sums to one, or is all zero.
    """
    shares_QL = np.zeros((len(histories), num_labels))
    for shares_L, rows in zip(shares_QL, histories, strict=True):
        labels = outputs_N[rows]
        shares_L += np.bincount(labels[labels >= 0], minlength=num_labels) / max(len(rows), 1)
    given_QL = (answers_Q[:, None] == np.arange(num_labels)).astype(np.float64)
    often_L = given_QL.sum(axis=0) / max(len(histories), 1)
    excess_LL = shares_QL.T @ (given_QL - often_L)
    errors_LL = np.sqrt(np.outer((shares_QL**2).sum(axis=0), often_L * (1 - often_L)))
    surely_LL = np.where(excess_LL > NUM_ERRORS * errors_LL, excess_LL, 0.0)
    totals_L1 = surely_LL.sum(axis=1, keepdims=True)
    return surely_LL / np.where(totals_L1 > 0, totals_L1, 1.0)
