"""Rates of the attack, as artifact and as metrics of the run."""

from pathlib import Path

import mlflow

from components.encoders.behavior_vectors import encode_histories
from components.encoders.config import EncoderConfig
from components.inversion.config import InversionConfig
from components.tasks.lamp import LAMP_2
from steps.check_inversion import check_inversion
from steps.model_registry import open_registry
from tests.components.tiny_models import write_sentence_encoder


def test_rates_are_metrics_of_the_run(zenml_home: Path, tmp_path: Path) -> None:
    client = open_registry()
    mlflow.set_experiment(experiment_id=client.create_experiment(str(tmp_path), str(tmp_path)))
    encoder = EncoderConfig(name=str(write_sentence_encoder(tmp_path / "encoder")))
    (tmp_path / "vectors").mkdir()
    vectors = encode_histories(["a"], LAMP_2.item_template, encoder, tmp_path / "vectors")
    settings = InversionConfig(num_canaries=20, num_training_texts=100)
    with mlflow.start_run() as run:
        report = check_inversion.entrypoint(vectors, LAMP_2, encoder, settings, 0)

    assert client.get_run(run.info.run_id).data.metrics == {
        "inversion.nearest.clear": report.nearest.clear.value,
        "inversion.nearest.sealed": report.nearest.sealed.value,
        "inversion.words.clear": report.words.clear.value,
        "inversion.words.sealed": report.words.sealed.value,
    }
