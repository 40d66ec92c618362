"""What a user sees last when something is wrong is what is wrong."""

from pathlib import Path

import pytest

from components.histories.config import DataConfig, InteractionsConfig
from components.reporting.config import ReportConfig
from pipelines.train_persona import train_persona


def test_the_error_of_a_step_ends_the_run(zenml_home: Path, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"user_id": "ann", "timestamp": "2020-01-01", "review": "fine"}\n')
    events = InteractionsConfig(path=path, input="review", output="tag")

    with pytest.raises(ValueError, match=r"events\.jsonl, row 1, field 'tag': is missing"):
        train_persona.with_options(enable_step_logs=False)(
            data=DataConfig(source="interactions", interactions=events),
            report=ReportConfig(folder=tmp_path / "reports"),
        )

    assert not (tmp_path / "reports").exists()


def test_every_wrong_parameter_is_named_in_the_error_itself() -> None:
    with pytest.raises(ValueError, match="wrong parameters of the pipeline") as caught:
        train_persona.copy().prepare(seed="one", training={"history_dropout": 2, "x": 1})

    assert str(caught.value).splitlines()[1:] == [
        "  training.history_dropout: Input should be less than or equal to 1; it says 2",
        "  training.x: there is no such setting; it says 1",
        "  seed: Input should be a valid integer, unable to parse string as an integer; "
        "it says 'one'",
    ]
    assert caught.value.__suppress_context__
