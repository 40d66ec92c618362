"""The arms' answers in the benchmark's file shape, for its own evaluation (method section 5)."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from components.evaluation.predictions import conform_table
from components.folder import write_folder
from components.histories.golds import write_golds


def write_lamp_predictions(predictions: pa.Table, task_name: str, directory: Path) -> None:
    """Write `<arm>.json` for every arm into a new directory; of several draws the first one.

    Args:
        predictions: Columns of PREDICTION_SCHEMA.
        task_name: The benchmark's name of the task, e.g. LaMP_2.
        directory: Not there yet, or empty; it appears complete or not at all.

    Raises:
        ValueError: If the directory is not empty, or the table is not as its schema says.
    """
    table = conform_table("predictions", predictions)
    first = table.filter(pc.equal(table["draw"], 0))
    with write_folder(directory) as staging:
        for arm in pc.unique(first["arm"]).to_pylist():
            answers = first.filter(pc.equal(first["arm"], arm))
            columns = (answers[name].to_pylist() for name in ("question_id", "prediction"))
            write_golds(staging / f"{arm}.json", task_name, zip(*columns, strict=True))
