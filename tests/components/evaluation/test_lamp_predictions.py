"""Each arm's answers in a file of the benchmark's shape."""

import json

import pyarrow as pa
import pytest

from components.evaluation.lamp_predictions import write_lamp_predictions
from components.evaluation.predictions import PREDICTION_SCHEMA

ROWS = [
    ("q1", "ann", "persona", 0, "comedy", "war"),
    ("q1", "ann", "shuffled", 1, "other", "war"),
    ("q2", "bob", "shuffled", 0, "war", "war"),
    ("q2", "bob", "persona", 0, "", "war"),
    ("q1", "ann", "shuffled", 0, "sci-fi", "war"),
]
TABLE = pa.Table.from_pylist(
    [dict(zip(PREDICTION_SCHEMA.names, row, strict=True)) for row in ROWS],
    schema=PREDICTION_SCHEMA,
)


def test_one_file_an_arm_of_its_first_draw(tmp_path):
    write_lamp_predictions(TABLE, "LaMP_2", tmp_path / "lamp")
    written = {path.name: json.loads(path.read_text()) for path in (tmp_path / "lamp").iterdir()}
    assert written == {
        "persona.json": {
            "task": "LaMP_2",
            "golds": [{"id": "q1", "output": "comedy"}, {"id": "q2", "output": ""}],
        },
        "shuffled.json": {
            "task": "LaMP_2",
            "golds": [{"id": "q2", "output": "war"}, {"id": "q1", "output": "sci-fi"}],
        },
    }


def test_a_wrong_table_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="predictions: columns are"):
        write_lamp_predictions(TABLE.drop_columns(["draw"]), "LaMP_2", tmp_path / "lamp")
    assert list(tmp_path.iterdir()) == []
