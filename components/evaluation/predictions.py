"""What every arm answered to every question, as one parquet file, and notes beside it."""

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import JsonValue

from components.folder import Folder, write_folder

FILE_NAME, NOTES = "predictions.parquet", "notes.json"
PREDICTION_SCHEMA = pa.schema(
    {
        "question_id": pa.string(),
        "user_id": pa.string(),
        "arm": pa.string(),
        "draw": pa.int32(),
        "prediction": pa.string(),
        "gold": pa.string(),
    }
)
"""One row a question, arm and draw; only the arm shuffled has draws other than 0."""


class Predictions(Folder):
    """The answers of all arms; of users' texts it holds golds and predictions only."""

    @property
    def table(self) -> pa.Table:
        """The answers, with the columns of PREDICTION_SCHEMA."""
        return pq.read_table(self.path / FILE_NAME)

    @property
    def notes(self) -> dict[str, JsonValue]:
        """What is worth knowing beside the answers, for the report; no text of a user."""
        notes: dict[str, JsonValue] = json.loads((self.path / NOTES).read_text("utf-8"))
        return notes


def write_predictions(
    directory: Path, table: pa.Table, notes: Mapping[str, JsonValue] | None = None
) -> Predictions:
    """Write the answers to a new directory, which appears complete or not at all.

    Args:
        directory: Where to write: not there yet, or empty.
        table: Columns as in PREDICTION_SCHEMA, in any order.
        notes: What is worth knowing beside the answers.

    Raises:
        ValueError: If the directory is not empty, or a column is missing, unknown, of another
            type or has nulls.
    """
    checked = conform_predictions(table)
    with write_folder(directory) as staging:
        pq.write_table(checked, staging / FILE_NAME)
        text = json.dumps(dict(notes or {}), indent=1, ensure_ascii=False)
        (staging / NOTES).write_text(text + "\n", encoding="utf-8")
    return Predictions.at(directory)


def conform_predictions(table: pa.Table) -> pa.Table:
    """Return the table with the schema's columns, in its order and types.

    Raises:
        ValueError: If a column is missing, unknown, of another type or has nulls.
    """
    names = PREDICTION_SCHEMA.names
    if set(table.column_names) != set(names):
        raise ValueError(f"predictions: columns are {table.column_names}, expected {names}")
    try:
        conformed = table.select(names).replace_schema_metadata(None).cast(PREDICTION_SCHEMA)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as err:
        raise ValueError(f"predictions: {err}; expected {PREDICTION_SCHEMA.to_string()}") from err
    for name in names:
        if conformed[name].null_count:
            row = pc.index(pc.is_null(conformed[name]), True).as_py()
            raise ValueError(f"predictions, row {row + 1}, field {name!r}: has no value")
    return conformed
