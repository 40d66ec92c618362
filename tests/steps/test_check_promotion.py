"""Which champion a candidate has to match."""

from pathlib import Path

import pyarrow as pa
import pytest

from components.evaluation.champion_exam import NOT_COMPARED
from components.evaluation.predictions import PREDICTION_SCHEMA, Predictions, write_predictions
from components.promotion.registry_records import Champion, Registration
from steps.check_promotion import compare

CHAMPION = Champion(version="7", weights_hash="old", llm_hash="llm", llm_settings_hash="settings")
CANDIDATE = Registration(
    model_name="persona-plug-LaMP_2",
    version="8",
    weights_hash="new",
    llm_hash="llm",
    encoder_fingerprint="of an encoder that reads more tokens",
)


@pytest.fixture
def predictions(tmp_path: Path) -> Predictions:
    return write_predictions(tmp_path / "predictions", PREDICTION_SCHEMA.empty_table())


def test_a_champion_of_the_same_llm_is_compared_whatever_the_encoder(
    predictions: Predictions,
) -> None:
    compared = compare(CHAMPION, CANDIDATE, predictions)
    assert compared is not None
    assert (compared.version, compared.is_candidate, compared.obstacle) == ("7", False, None)


def test_why_it_has_not_answered_reaches_the_rule(tmp_path: Path) -> None:
    empty: pa.Table = PREDICTION_SCHEMA.empty_table()
    notes = {NOT_COMPARED: "reads items by another template"}
    compared = compare(CHAMPION, CANDIDATE, write_predictions(tmp_path / "noted", empty, notes))
    assert compared is not None
    assert compared.obstacle == "reads items by another template"


def test_a_champion_of_another_llm_and_none_are_not_compared(predictions: Predictions) -> None:
    other = CHAMPION.model_copy(update={"llm_hash": "other"})
    assert compare(other, CANDIDATE, predictions) is None
    assert compare(Champion(), CANDIDATE, predictions) is None
