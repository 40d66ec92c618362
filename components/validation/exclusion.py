"""Erased users left out of histories that were just read, before anything is stored of them.

Legend: I items, Q questions, L history links, U users.
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from components.histories.tables import Histories, write_histories
from components.validation.quarantine import Sorting, SoundRows
from components.validation.source_tables import SourceTables, open_tables, take_apart
from components.validation.tombstones import ErasedUsers

logger = logging.getLogger(__name__)


def leave_out_erased(histories: Histories, erased: ErasedUsers, directory: Path) -> Histories:
    """Return histories without the items and questions of erased users.

    Nor are their items in the history of anybody else's question.

    Args:
        histories: As they were read.
        erased: Who must not be in them.
        directory: Gets the histories, unless nobody has to be left out; not there yet, or empty.
    """
    tables = take_apart(*open_tables(histories))
    is_erased_U = np.array([user in erased for user in tables.user_ids.to_pylist()], dtype=bool)
    if not is_erased_U.any():
        return histories
    logger.warning("%d erased users still are in the source: they were left out", is_erased_U.sum())
    kept_I, kept_Q = ~is_erased_U[tables.users_I], ~is_erased_U[tables.users_Q]
    rows = SoundRows(tables, sort_kept(tables, kept_I, kept_Q))
    limits = keep_limits(histories.limits, tables.questions["question_id"].filter(pa.array(kept_Q)))
    return write_histories(directory, rows.items(), rows.questions(), limits, histories.watermark)


def sort_kept(tables: SourceTables, kept_I: np.ndarray, kept_Q: np.ndarray) -> Sorting:
    """Keep items, questions, and the links that have both of their ends."""
    kept_L = kept_Q[tables.question_rows_L] & kept_I[tables.item_rows_L]
    return Sorting({"items": kept_I, "questions": kept_Q, "history_links": kept_L}, [])


def keep_limits(limits: dict[str, Any], question_ids: pa.ChunkedArray) -> dict[str, Any]:
    """Return what ideal judges answer to some of the questions."""
    kept = set(question_ids.to_pylist())
    return {
        judge: {
            metric: {name: answer for name, answer in answers.items() if name in kept}
            for metric, answers in metrics.items()
        }
        for judge, metrics in limits.items()
    }
