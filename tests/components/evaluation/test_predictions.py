"""Predictions on disk."""

import pyarrow as pa
import pytest

from components.evaluation.evaluation import Cost
from components.evaluation.predictions import (
    ATTENTION_SCHEMA,
    PREDICTION_SCHEMA,
    QUESTION_SCHEMA,
    Answers,
    Predictions,
    write_predictions,
)

ROW = {
    "question_id": "q1",
    "user_id": "ann",
    "arm": "persona",
    "draw": 0,
    "prediction": "4",
    "gold": "5",
}


def answer(table, **others):
    return Answers(table, QUESTION_SCHEMA.empty_table(), ATTENTION_SCHEMA.empty_table(), **others)


def test_what_was_written_is_read_and_the_same_rows_have_the_same_hash(tmp_path):
    table = pa.Table.from_pylist([ROW])  # draw is int64 here
    written = write_predictions(tmp_path / "first", answer(table))
    again = write_predictions(tmp_path / "second", answer(table.select(sorted(ROW))))
    assert Predictions.at(tmp_path / "first").table.schema.equals(PREDICTION_SCHEMA)
    assert written.table.to_pylist() == [ROW]
    assert written.content_hash() == again.content_hash()


def test_costs_and_notes_lie_beside_the_answers(tmp_path):
    table, notes = pa.Table.from_pylist([ROW]), {"user_statistics": {"chosen": "last"}}
    costs = {"persona": Cost(bytes_per_user=7, tokens_per_question=3.5)}
    answers = answer(table, notes=notes, costs=costs)
    assert write_predictions(tmp_path / "noted", answers).read() == answers.__class__(
        table.cast(PREDICTION_SCHEMA), answers.questions, answers.attention, costs, notes
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input": "a text"}, "columns are"),
        ({"prediction": None}, "row 1, field 'prediction': has no value"),
        ({"draw": "first"}, "first"),
    ],
)
def test_a_bad_table_leaves_nothing_behind(tmp_path, change, message):
    table = pa.Table.from_pylist([ROW | change])
    with pytest.raises(ValueError, match=message):
        write_predictions(tmp_path / "predictions", answer(table))
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path):
    write_predictions(tmp_path / "first", answer(pa.Table.from_pylist([ROW])))
    with pytest.raises(ValueError, match="not empty"):
        write_predictions(tmp_path / "first", answer(pa.Table.from_pylist([ROW])))
