"""The quickstart at a size that every arm takes seconds in."""

import pytest
import yaml

from tests.components.tiny_models import write_sentence_encoder

FIT = {"num_epochs": 1, "batch_size": 8, "learning_rate": 0.01, "encoder_learning_rate": 0.01}
PARAMETERS = {
    "data": {
        "simulator": {
            "num_train_users": 10,
            "num_dev_users": 2,
            "num_test_users": 4,
            "train_questions_per_user": 2,
            "eval_questions_per_user": 4,
            "min_items": 3,
            "max_items": 6,
        }
    },
    "llm": {
        "max_input_length": 64,
        "warm_start": {"num_decoder_layers": 1, "num_frozen_layers": 1, "fit": FIT},
    },
    "embedder": {"hidden_dim": 8, "max_input_length": 32},
    "training": {"fit": FIT, "alignment": {"num_steps": 5}},
    "retrieval": {"num_items": 2},
    "evaluation": {
        "history_cuts": [1],
        "num_draws": 2000,
        "num_shuffles": 2,
        "num_generated": 2,
        "per_user_lora": {"num_users": 2, "num_epochs": 1},
    },
}


@pytest.fixture(scope="session")
def config(tmp_path_factory):
    directory = tmp_path_factory.mktemp("config")
    folder = write_sentence_encoder(directory / "encoder")
    encoder = {"name": str(folder), "max_length": 32}
    path = directory / "tiny.yaml"
    path.write_text(yaml.safe_dump({"parameters": {"encoder": encoder, **PARAMETERS}}))
    return path
