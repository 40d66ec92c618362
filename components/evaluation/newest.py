"""Which of a split's questions are asked: where models of several trainings meet, only new ones."""

from datetime import datetime

import numpy as np
import pyarrow.compute as pc
from datasets import Dataset

from components.histories.tables import Split


def select_newer(questions: Dataset, split: Split, newer_than: datetime | None) -> list[int]:
    """Return the rows of a split's questions after a time; those without a time are never after it.

    Args:
        questions: As `Histories.questions`.
        split: Which ones.
        newer_than: In UTC, without time zone; None for all of the split.
    """
    table = questions.data.table
    is_asked = pc.equal(table["split"], split)
    if newer_than is not None:
        is_asked = pc.and_(is_asked, pc.fill_null(pc.greater(table["time"], newer_than), False))
    rows: list[int] = np.flatnonzero(is_asked.to_numpy()).tolist()
    return rows
