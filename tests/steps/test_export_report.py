"""What the report's step lets out: no text of a user unless the config says so."""

import pyarrow as pa
import pytest

from components.evaluation.predictions import (
    ATTENTION_SCHEMA,
    PREDICTION_SCHEMA,
    QUESTION_SCHEMA,
    Answers,
    write_predictions,
)
from components.histories.tables import HistoryRows, write_histories
from components.reporting.config import ReportConfig
from components.reporting.model_card import ModelFacts
from components.reporting.report_folder import Report, write_report
from components.tasks.lamp import LAMP_2
from steps.export_report import pick_if_shown
from tests.components.reporting.evaluations import build_rich_evaluation, build_validation

MARKER = "Zanzibar"


def write_world(directory, control="instruction_only"):
    """Write one question whose texts all bear the marker, and its answers."""
    right, wrong = LAMP_2.labels[:2]
    item = {"user_id": "u", "item_id": "i", "time": None, "output": MARKER}
    question = {"question_id": "q", "user_id": "u", "split": "test", "time": None}
    rows = HistoryRows(
        [item | {"text": MARKER, "input": MARKER}],
        [question | {"input": MARKER, "payload": MARKER, "output": right, "history": [0]}],
    )
    histories = write_histories(directory / "h", rows.item_table(), rows.question_table())
    answer = {"question_id": "q", "user_id": "u", "draw": 0, "gold": right}
    weighed = {"question_id": "q", "entropy": 0.5, "null_weight": 0.1}
    answers = Answers(
        predictions=pa.Table.from_pylist(
            [
                answer | {"arm": "persona", "prediction": right},
                answer | {"arm": control, "prediction": wrong},
            ],
            schema=PREDICTION_SCHEMA,
        ),
        questions=QUESTION_SCHEMA.empty_table(),
        attention=pa.Table.from_pylist(
            [weighed | {"top_rows": [0], "top_weights": [0.9]}], schema=ATTENTION_SCHEMA
        ),
    )
    return write_predictions(directory / "p", answers), histories


@pytest.mark.parametrize("show_texts", [False, True])
def test_texts_of_users_stand_in_the_report_only_where_they_may(tmp_path, show_texts):
    predictions, histories = write_world(tmp_path)
    settings = ReportConfig(show_texts=show_texts)
    helped, hurt = pick_if_shown(settings, predictions, histories, LAMP_2)
    report = Report(
        evaluation=build_rich_evaluation(),
        task=LAMP_2,
        facts=ModelFacts(name="persona-plug-LaMP_2", version="4"),
        curves={},
        validated=build_validation(tmp_path),
        run={},
        helped=helped,
        hurt=hurt,
    )
    folder = write_report(report, tmp_path / "reports", "run")

    texts = "".join(path.read_text("utf-8") for path in folder.rglob("*") if path.is_file())
    assert (MARKER in texts) is show_texts
    assert ("No text of a user is shown" in texts) is not show_texts


def test_without_the_control_no_question_is_an_example(tmp_path):
    predictions, histories = write_world(tmp_path, control="base")
    shown = pick_if_shown(ReportConfig(show_texts=True), predictions, histories, LAMP_2)
    assert shown == ([], [])
