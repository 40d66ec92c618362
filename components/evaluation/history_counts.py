"""How often, how lately and when last a user gave each label: numbers of a history.

Letters: N questions, L labels.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.evaluation.metrics import OUTSIDE_LABELS, FloatArray, encode_labels
from components.histories.tables import Histories
from components.tasks.task import Task


@dataclass(frozen=True)
class HistoryCounts:
    """Labels in the histories of N questions; items without an allowed label count for nothing."""

    counts: FloatArray
    """How many items have each label, float64 [N, L]."""
    decayed: FloatArray
    """The same with every item weighing `decay` of the next newer one, float64 [N, L]."""
    last: NDArray[np.int64]
    """The newest item's label, or OUTSIDE_LABELS where there is none, int64 [N]."""

    @property
    def is_known(self) -> NDArray[np.bool_]:
        """Whether the history says anything, bool [N]."""
        return self.last != OUTSIDE_LABELS


def count_labels(
    histories: Histories, questions: pa.Table, task: Task, decay: float
) -> HistoryCounts:
    """Count the labels in the questions' histories, oldest items first."""
    num_questions, num_labels = len(questions), len(task.labels)
    outputs = histories.items.select_columns(["output"]).with_format("arrow")[:]["output"]
    label_of_item = encode_labels(outputs.to_pylist(), task)
    history = questions["history"].combine_chunks()
    labels = label_of_item[pc.list_flatten(history).to_numpy(zero_copy_only=False)]
    rows = pc.list_parent_indices(history).to_numpy(zero_copy_only=False).astype(np.int64)
    known = labels != OUTSIDE_LABELS
    rows, labels = rows[known], labels[known]
    ends = np.cumsum(np.bincount(rows, minlength=num_questions))
    age = ends[rows] - 1 - np.arange(len(rows))
    cells = rows * num_labels + labels
    size, shape = num_questions * num_labels, (num_questions, num_labels)
    last = np.full(num_questions, OUTSIDE_LABELS, dtype=np.int64)
    last[rows[age == 0]] = labels[age == 0]
    weights = np.power(decay, age)
    decayed: FloatArray = np.bincount(cells, weights=weights, minlength=size).astype(np.float64)
    return HistoryCounts(
        counts=np.bincount(cells, minlength=size).reshape(shape).astype(np.float64),
        decayed=decayed.reshape(shape),
        last=last,
    )
