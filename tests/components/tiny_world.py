"""A tiny simulated world with tiny models: all that training, evaluation and serving need."""

from pathlib import Path
from typing import get_args

import torch

from components.encoders.behavior_vectors import encode_histories
from components.encoders.config import EncoderConfig
from components.evaluation.config import ArmName, EvaluationConfig, PerUserLoraConfig
from components.evaluation.exam import Exam, ExamRecipe
from components.histories.config import DataConfig
from components.histories.read import read_histories
from components.histories.simulator_config import SimulatorConfig
from components.llm.config import LLMConfig, WarmStartConfig, WarmStartFit
from components.llm.llm_folder import LLMFolder, LLMSource, write_llm_folder
from components.retrieval.config import RetrievalConfig
from components.tasks.lamp import LAMP_2
from components.training.config import AlignmentConfig, EmbedderFit, TrainingConfig
from components.training.train import Artifacts, Recipe
from components.user_embedder.config import EmbedderConfig
from tests.components.tiny_models import make_warm_start, write_sentence_encoder

TASK = LAMP_2
SIMULATOR = SimulatorConfig(
    num_train_users=10,
    num_dev_users=2,
    num_test_users=4,
    train_questions_per_user=2,
    eval_questions_per_user=10,
    min_items=3,
    max_items=6,
)
FIT = {"num_epochs": 2, "batch_size": 4, "learning_rate": 0.01, "encoder_learning_rate": 0.01}
WARM_START = WarmStartConfig(num_decoder_layers=1, num_frozen_layers=1, fit=WarmStartFit(**FIT))
LLM = LLMConfig(max_input_length=64, warm_start=WARM_START)


def make_recipe(encoder: EncoderConfig, seed: int = 0) -> Recipe:
    """Make the settings of a training that takes a second."""
    return Recipe(
        task=TASK,
        retrieval=RetrievalConfig(),
        encoder=encoder,
        llm=LLM,
        embedder=EmbedderConfig(
            temperature=None, hidden_dim=8, max_history_items=4, max_input_length=32
        ),
        training=TrainingConfig(fit=EmbedderFit(**FIT), alignment=AlignmentConfig(num_steps=20)),
        seed=seed,
    )


def make_artifacts(directory: Path) -> tuple[Artifacts, EncoderConfig]:
    """Simulate, encode and warm-start into an existing directory."""
    folder = write_sentence_encoder(directory / "encoder")
    encoder = EncoderConfig(name=str(folder), max_length=32)
    data = DataConfig(simulator=SIMULATOR)
    histories = read_histories(data, TASK, 0, directory / "histories")
    for name in ("vectors", "llm"):
        (directory / name).mkdir()
    texts = list(histories.items["text"])
    vectors = encode_histories(texts, TASK.item_template, encoder, directory / "vectors")
    return Artifacts(histories, vectors, write_listening_llm(folder, directory / "llm")), encoder


def write_listening_llm(encoder_folder: Path, directory: Path) -> LLMFolder:
    """Write a random LLM whose answers hang on what it reads; one tuned on so little does not."""
    llm = make_warm_start(encoder_folder)
    with torch.no_grad():
        for name, parameter in llm.model.named_parameters():
            if "crossattention" in name and "LayerNorm" not in name:
                parameter.mul_(30.0)
            if name.endswith("transform.LayerNorm.weight"):
                parameter.mul_(8.0)  # else all tokens are as likely, and the shortest label wins
    return write_llm_folder(directory, LLMSource("warm_start", None, "settings"), llm, [])


def make_exam(artifacts: Artifacts, encoder: EncoderConfig) -> Exam:
    """Make the exam of all arms on the test questions."""
    evaluation = EvaluationConfig(
        arms=get_args(ArmName),
        history_cuts=(0, 2),
        num_seeds=2,
        num_draws=2000,
        num_shuffles=2,
        per_user_lora=PerUserLoraConfig(num_users=2, num_epochs=1),
    )
    recipe = ExamRecipe(
        task=TASK,
        encoder=encoder,
        llm=LLM,
        retrieval=RetrievalConfig(num_items=2),
        evaluation=evaluation,
        seed=0,
    )
    return Exam(artifacts, recipe)
