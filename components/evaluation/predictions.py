"""What every arm answered to every question, and what is known of questions, costs and weights."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import JsonValue

from components.evaluation.evaluation import Cost
from components.folder import Folder, write_folder

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
QUESTION_SCHEMA = pa.schema(
    {"question_id": pa.string(), "known_user": pa.bool_(), "num_items": pa.int32()}
)
"""Of each question: whether training saw questions of its user, and how long its history is."""
ATTENTION_SCHEMA = pa.schema(
    {
        "question_id": pa.string(),
        "entropy": pa.float32(),
        "null_weight": pa.float32(),
        "top_rows": pa.list_(pa.int32()),
        "top_weights": pa.list_(pa.float32()),
    }
)
"""How persona weighed each history: the weights' entropy by its maximum, 0 to 1 (NaN for fewer than
two items), the null row's weight, and the items that weighed most (rows of `Histories.items`)."""
TABLES = {
    "predictions": PREDICTION_SCHEMA,
    "questions": QUESTION_SCHEMA,
    "attention": ATTENTION_SCHEMA,
}


@dataclass(frozen=True)
class Answers:
    """The answers of the arms, and what the report needs beside them."""

    predictions: pa.Table
    """Columns of PREDICTION_SCHEMA. An arm `persona_history_4` is persona with the four newest
    items, `persona_seed_1` persona of another training seed; per_user_lora answers for a sample."""
    questions: pa.Table
    """Columns of QUESTION_SCHEMA."""
    attention: pa.Table
    """Columns of ATTENTION_SCHEMA; no rows where nothing was weighed."""
    costs: dict[str, Cost] = field(default_factory=dict)
    """By arm."""
    notes: dict[str, JsonValue] = field(default_factory=dict)
    """What is worth knowing beside the answers; no text of a user."""


class Predictions(Folder):
    """Answers on disk; of users' texts they hold golds and predictions only."""

    @property
    def table(self) -> pa.Table:
        """The answers, with the columns of PREDICTION_SCHEMA."""
        return pq.read_table(self.path / "predictions.parquet")

    def read(self) -> Answers:
        """Read all of it."""
        tables = {name: pq.read_table(self.path / f"{name}.parquet") for name in TABLES}
        costs: dict[str, JsonValue] = json.loads((self.path / "costs.json").read_text("utf-8"))
        return Answers(
            **tables,
            costs={arm: Cost.model_validate(cost) for arm, cost in costs.items()},
            notes=json.loads((self.path / "notes.json").read_text("utf-8")),
        )


def write_predictions(directory: Path, answers: Answers) -> Predictions:
    """Write answers to a new directory, which appears complete or not at all.

    Raises:
        ValueError: If the directory is not empty, or a table has a column that is missing, unknown,
            of another type or has nulls.
    """
    tables = {name: conform_table(name, getattr(answers, name)) for name in TABLES}
    costs = {arm: cost.model_dump() for arm, cost in answers.costs.items()}
    with write_folder(directory) as staging:
        for name, table in tables.items():
            pq.write_table(table, staging / f"{name}.parquet")
        _write_json(staging / "costs.json", costs)
        _write_json(staging / "notes.json", answers.notes)
    return Predictions.at(directory)


def conform_table(name: str, table: pa.Table) -> pa.Table:
    """Return one of the `TABLES` with its schema's columns, in their order and types.

    Raises:
        ValueError: If a column is missing, unknown, of another type or has nulls.
    """
    schema = TABLES[name]
    if set(table.column_names) != set(schema.names):
        raise ValueError(f"{name}: columns are {table.column_names}, expected {schema.names}")
    try:
        conformed = table.select(schema.names).replace_schema_metadata(None).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as err:
        raise ValueError(f"{name}: {err}; expected {schema.to_string()}") from err
    for column in schema.names:
        if conformed[column].null_count:
            row = pc.index(pc.is_null(conformed[column]), True).as_py()
            raise ValueError(f"{name}, row {row + 1}, field {column!r}: has no value")
    return conformed


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
