"""A linear model of a question's words and its user's label statistics, without any neural net.

Letters: N questions, F features, L labels.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge

from components.evaluation.history_counts import HistoryCounts
from components.evaluation.metrics import FloatArray
from components.tasks.task import Task


class TextPlusUser:
    """Ridge on the numbers of an ordinal task, logistic regression on the labels of another."""

    def __init__(self, task: Task, max_vocabulary: int) -> None:
        self._task = task
        self._words = TfidfVectorizer(
            ngram_range=(1, 2),
            sublinear_tf=True,
            max_features=max_vocabulary,
            token_pattern=r"\w+|[^\w\s]",  # marks are words too, so no text is without any
        )
        if task.kind == "ordinal":
            self._model = Ridge(solver="sparse_cg")
        else:
            self._model = LogisticRegression(C=3.0, tol=1e-3, max_iter=300)
        self._only_label: int | None = None

    def fit(self, payloads: Sequence[str], users: HistoryCounts, golds: NDArray[np.int64]) -> None:
        """Fit to train questions; golds are positions among the labels, int64 [N]."""
        words = self._words.fit_transform(payloads)
        features = hstack([words, self._describe_users(users)]).tocsr()
        if self._task.kind == "ordinal":
            self._model.fit(features, label_numbers(self._task)[golds])
        elif len(np.unique(golds)) == 1:  # logistic regression wants two classes
            self._only_label = int(golds[0])
        else:
            self._model.fit(features, golds)

    def predict(self, payloads: Sequence[str], users: HistoryCounts) -> NDArray[np.int64]:
        """Return the positions of the answers among the labels, int64 [N]."""
        if self._only_label is not None:
            return np.full(len(payloads), self._only_label)
        features = hstack([self._words.transform(payloads), self._describe_users(users)]).tocsr()
        predicted = self._model.predict(features)
        if self._task.kind == "ordinal":
            return round_to_labels(predicted, self._task)
        return np.asarray(predicted, dtype=np.int64)

    def _describe_users(self, users: HistoryCounts) -> csr_matrix:
        """Return label shares, lately weighted shares, known or not, and any mean [N, F]."""
        shares, lately = normalise_rows(users.counts), normalise_rows(users.decayed)
        columns = [shares, lately, users.is_known[:, None].astype(np.float64)]
        if self._task.kind == "ordinal":
            columns.append((shares @ label_numbers(self._task))[:, None])
        return csr_matrix(np.hstack(columns))


def normalise_rows(counts: FloatArray) -> FloatArray:
    """Turn counts into shares; a row of zeros stays one."""
    total = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)


def label_numbers(task: Task) -> FloatArray:
    """Return the numbers that an ordinal task's labels are, ascending [L]."""
    return np.array([float(label) for label in task.labels])


def round_to_labels(numbers: FloatArray, task: Task) -> NDArray[np.int64]:
    """Return the positions of the nearest labels, the lower one of two that are as near."""
    return np.abs(numbers[:, None] - label_numbers(task)).argmin(axis=1)
