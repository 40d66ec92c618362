"""What of one user stands in the folders of a run, read from the folders themselves."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.evaluation.predictions import Predictions
from components.histories.tables import Histories
from components.validation.report import ValidationReport
from components.validation.validation_folder import ValidationFolder


@dataclass(frozen=True)
class UserRows:
    """A user's part of histories."""

    question_ids: frozenset[str]
    """Of all splits."""
    trains: bool
    """Whether one of the questions is for training."""


def find_in_histories(histories: Histories, user_id: str) -> UserRows | None:
    """Return a user's part of histories; None without an item or a question of hers."""
    questions = _take_rows(histories.questions.with_format("arrow")[:], user_id)
    items = _take_rows(histories.items.with_format("arrow")[:], user_id)
    if len(items) + len(questions) == 0:
        return None
    return UserRows(
        frozenset(questions["question_id"].to_pylist()),
        "train" in questions["split"].to_pylist(),
    )


def find_in_predictions(predictions: Predictions, user_id: str) -> frozenset[str]:
    """Return the ids of a user's questions that were answered."""
    path = predictions.path / "predictions.parquet"
    answered = pq.read_table(path, columns=["question_id", "user_id"])
    return frozenset(_take_rows(answered, user_id)["question_id"].to_pylist())


def is_in_quarantine(folder: ValidationFolder, user_id: str) -> bool:
    """Return whether a row of a user was quarantined."""
    return len(_take_rows(folder.quarantine, user_id)) > 0


def is_named(report: ValidationReport, user_id: str, question_ids: frozenset[str]) -> bool:
    """Return whether a row of a user is an example of a defect in a report.

    Args:
        report: Names items as "user/item", questions by id, links as "question < item".
        user_id: Whose items.
        question_ids: Hers.
    """
    names = [name for result in report.rules for name in result.ids]
    return any(
        name.startswith(f"{user_id}/") or name.partition(" < ")[0] in question_ids for name in names
    )


def _take_rows(table: pa.Table, user_id: str) -> pa.Table:
    return table.filter(pc.equal(table["user_id"], user_id))
