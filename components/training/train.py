"""Train a user embedder: the same code, data, steps and seed for every trained arm."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pydantic import Field

from components.config import Config
from components.encoders.behavior_vectors import BehaviorVectors, find_device
from components.encoders.config import EncoderConfig
from components.encoders.sentence_encoder import load_tokenizer
from components.folder import Folder
from components.histories.tables import Histories
from components.llm.config import LLMConfig
from components.llm.frozen_llm import FrozenLLM
from components.llm.llm_folder import LLMFolder
from components.llm.prepare import split_train_rows
from components.optimization.fit import FitInputs, fit
from components.training.alignment import align_projector
from components.training.config import TrainingConfig
from components.training.examples import TrainingExamples, build_examples
from components.user_embedder.collator import PersonaCollator
from components.user_embedder.config import EmbedderConfig
from components.user_embedder.embedder_folder import (
    EmbedderCard,
    EmbedderFolder,
    build_user_embedder,
    save_user_embedder,
)
from components.user_embedder.persona_llm import PersonaLLM
from components.user_embedder.user_embedder import Aggregation, UserEmbedder

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Artifacts:
    """What earlier steps made, and every arm reads."""

    histories: Histories
    vectors: BehaviorVectors
    llm: LLMFolder


class Recipe(Config):
    """The settings of a training, the same for every arm."""

    encoder: EncoderConfig = Field(description="The encoder of history and input.")
    llm: LLMConfig = Field(description="How the LLM is asked.")
    embedder: EmbedderConfig = Field(description="The embedder's shape.")
    training: TrainingConfig = Field(description="How it is trained.")
    seed: int = Field(description="Seeds initial weights, order of questions, history dropout.")


class TrainedArms(Folder):
    """One trained embedder for each of `TRAINED_ARMS`."""

    def arm(self, name: str) -> EmbedderFolder:
        """Open one arm's embedder."""
        return EmbedderFolder.at(self.path / name)


MAX_ALIGNED_ITEMS = 100_000
"""Most items that standards and alignment are taken from: a sample of these says as much as all."""

TRAINED_ARMS = {
    "persona": Aggregation.ATTENTION,
    "instruction_only": Aggregation.NONE,
    "mean_pooling": Aggregation.UNIFORM,
}
"""The arms that are an embedder of their own (method section 3)."""


def build_collator(llm: FrozenLLM, card: EmbedderCard, config: LLMConfig) -> PersonaCollator:
    """Build the one collator of training, evaluation and serving."""
    tokenizer = load_tokenizer(card.encoder)
    return PersonaCollator(
        llm,
        tokenizer,
        card.encoder.query_prompt,
        card.encoder_dim,
        card.embedder.max_input_length,
        config.max_input_length,
        card.embedder.max_history_items,
    )


def describe_embedder(
    recipe: Recipe, artifacts: Artifacts, llm: FrozenLLM, aggregation: Aggregation
) -> EmbedderCard:
    """Return the card of an embedder for these vectors and this LLM."""
    made_by = artifacts.vectors.describe()
    return EmbedderCard(
        aggregation=aggregation,
        embedder=recipe.embedder,
        encoder=recipe.encoder.model_copy(update={"revision": made_by["revision"]}),
        encoder_weights_sha256=made_by["weights_sha256"],
        encoder_fingerprint=made_by["fingerprint"],
        encoder_dim=artifacts.vectors.open().shape[1],
        llm_dim=llm.embedding_dim,
        llm_hash=artifacts.llm.content_hash(),
        llm_weights_sha256=artifacts.llm.weights_sha256(),
        scale=llm.token_norm,
    )


def train_user_embedder(
    artifacts: Artifacts, recipe: Recipe, aggregation: Aggregation, directory: Path
) -> EmbedderFolder:
    """Train one arm's embedder on the train questions that the LLM was not tuned on.

    Args:
        artifacts: Histories, their behavior vectors and the LLM.
        recipe: The settings.
        aggregation: Which arm.
        directory: An existing directory to write into.
    """
    llm = artifacts.llm.load(recipe.llm.dtype, find_device())
    card = describe_embedder(recipe, artifacts, llm, aggregation)
    questions = artifacts.histories.questions
    _, train_rows = split_train_rows(questions, recipe.llm)
    dev_rows = np.flatnonzero(np.asarray(questions["split"]) == "dev")

    def pick(rows: np.ndarray, settings: TrainingConfig) -> TrainingExamples:
        examples = build_examples(questions, artifacts.vectors.open(), rows, recipe.llm)
        return TrainingExamples(examples, settings, recipe.embedder.max_history_items, recipe.seed)

    whole = recipe.training.model_copy(update={"history_dropout": 0.0, "empty_rate": 0.0})
    train, dev = pick(train_rows, recipe.training), pick(dev_rows, whole)
    torch.manual_seed(recipe.seed)
    embedder = build_user_embedder(card)
    if aggregation is not Aggregation.NONE:
        prepare_projector(embedder, llm, artifacts, train_rows, recipe)
    inputs = FitInputs(train, dev if len(dev) else None, build_collator(llm, card, recipe.llm))
    model = PersonaLLM(llm, embedder)
    curve = fit(model, inputs, recipe.training.fit, recipe.seed, ("embedder.input_encoder",))
    return save_user_embedder(embedder, card, curve, directory)


def prepare_projector(
    embedder: UserEmbedder,
    llm: FrozenLLM,
    artifacts: Artifacts,
    train_rows: np.ndarray,
    recipe: Recipe,
) -> None:
    """Standardize and align the projector by the items in the train questions' histories."""
    questions = artifacts.histories.questions.select(train_rows)
    rows = np.unique(np.concatenate([[], *questions["history"]])).astype(np.int64)
    if not len(rows):
        return
    if len(rows) > MAX_ALIGNED_ITEMS:
        rng = np.random.default_rng(recipe.seed)
        rows = np.sort(rng.choice(rows, size=MAX_ALIGNED_ITEMS, replace=False))
    vectors = artifacts.vectors.open()[rows]
    embedder.standardize_by(torch.from_numpy(vectors.astype(np.float32)))
    outputs = artifacts.histories.items.select(rows)["output"]
    items = [(text, vector) for text, vector in zip(outputs, vectors, strict=True) if text]
    if items and recipe.training.alignment.num_steps:
        left = align_projector(embedder, llm, items, recipe.training.alignment, recipe.seed)
        logger.info("projector aligned with the LLM's words: %.0f %% unexplained", 100 * left)


def train_all_arms(artifacts: Artifacts, recipe: Recipe, directory: Path) -> TrainedArms:
    """Train every arm of `TRAINED_ARMS` into a folder of its name below `directory`."""
    for name, aggregation in TRAINED_ARMS.items():
        logger.info("training the arm %s", name)
        (directory / name).mkdir()
        train_user_embedder(artifacts, recipe, aggregation, directory / name)
    return TrainedArms.at(directory)
