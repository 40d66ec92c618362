"""Train a user embedder: the same code, data, steps and seed for every trained arm."""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from pydantic import Field

from components.config import Config
from components.encoders.behavior_vectors import BehaviorVectors, find_device
from components.encoders.config import EncoderConfig
from components.folder import Folder
from components.histories.shuffling import draw_donors
from components.histories.tables import Histories
from components.llm.config import WARM_START, LLMConfig
from components.llm.frozen_llm import FrozenLLM
from components.llm.llm_folder import LLMFolder, LLMSource, write_llm_folder
from components.llm.prepare import LLMRecipe, Read, split_train_rows, warm_start_llm
from components.optimization.checkpoints import Checkpoints
from components.optimization.fit import FitInputs, FitRecord, fit
from components.retrieval.config import RetrievalConfig
from components.retrieval.retrieval import Retrieval
from components.tasks.task import Task
from components.training.adapters import add_adapters, fold_adapters
from components.training.alignment import align_projector
from components.training.companions import name_companions
from components.training.config import SEED_PREFIX, TrainingConfig
from components.training.examples import Examples, TrainingExamples, build_examples
from components.user_embedder.collator import build_collator
from components.user_embedder.config import EmbedderConfig
from components.user_embedder.embedder_folder import (
    EmbedderCard,
    EmbedderFolder,
    build_user_embedder,
    save_user_embedder,
)
from components.user_embedder.persona_llm import PersonaLLM
from components.user_embedder.user_embedder import Aggregation, UserEmbedder

if TYPE_CHECKING:
    from components.optimization.callbacks import LogMetrics

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Artifacts:
    """What earlier steps made, and every arm reads."""

    histories: Histories
    vectors: BehaviorVectors
    llm: LLMFolder


class Recipe(Config):
    """The settings of a training, the same for every arm."""

    task: Task = Field(description="The task.")
    encoder: EncoderConfig = Field(description="The encoder of history and input.")
    llm: LLMConfig = Field(description="How the LLM is asked.")
    embedder: EmbedderConfig = Field(description="The embedder's shape.")
    training: TrainingConfig = Field(description="How it is trained.")
    retrieval: RetrievalConfig = Field(description="What retrieval_tuned reads.")
    seed: int = Field(description="Seeds initial weights, order of questions, history dropout.")


class TrainedArms(Folder):
    """One trained embedder for each arm that was asked for, in a folder of the arm's name."""

    def arm(self, name: str) -> EmbedderFolder:
        """Open one arm's embedder."""
        return EmbedderFolder.at(self.path / name)

    def llm(self, name: str) -> LLMFolder | None:
        """Open the LLM that was tuned for this arm alone; None where it shares everybody's."""
        folder = self.path / name / OWN_LLM
        return LLMFolder.at(folder) if folder.is_dir() else None

    def names(self) -> list[str]:
        """Return the arms' names."""
        return sorted(folder.name for folder in self.path.iterdir())


MAX_ALIGNED_ITEMS = 100_000
"""Most items that standards and alignment are taken from: a sample of these says as much as all."""

OWN_LLM = "own_llm"


class TrainedArm(NamedTuple):
    """What is particular to the training of one arm."""

    aggregation: Aggregation
    is_shuffled: bool = False
    """Whether it is trained on other users' histories."""
    is_retrieving: bool = False
    """Whether it is trained, and a warm-started LLM tuned, on prompts with retrieved items."""
    seed_offset: int = 0


class TrainingRecord(NamedTuple):
    """What stands around a training, and decides nothing about it."""

    code: str = ""
    """Hash of the code: a training does not go on from another one's checkpoints."""
    log_metrics: "LogMetrics | None" = None
    """Takes the figures of a training while it runs."""


UNRECORDED = TrainingRecord()

TRAINED_ARMS = {
    "persona": TrainedArm(Aggregation.ATTENTION),
    "instruction_only": TrainedArm(Aggregation.NONE),
    "mean_pooling": TrainedArm(Aggregation.UNIFORM),
    "trained_on_shuffled": TrainedArm(Aggregation.ATTENTION, is_shuffled=True),
    "retrieval_tuned": TrainedArm(Aggregation.NONE, is_retrieving=True),
}
"""The arms that are an embedder of their own (method section 3)."""


def find_trained_arm(name: str) -> TrainedArm:
    """Return what is particular to an arm; `persona_seed_2` is persona two seeds further."""
    if name.startswith(SEED_PREFIX):
        return TRAINED_ARMS["persona"]._replace(seed_offset=int(name.removeprefix(SEED_PREFIX)))
    return TRAINED_ARMS[name]


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


def find_checkpoints(
    artifacts: Artifacts, recipe: Recipe, arm: TrainedArm, code: str
) -> Checkpoints | None:
    """Return the checkpoints of one arm's training, known by settings, data and code."""
    where = recipe.training.checkpoints
    if where.uri is None:
        return None
    settings = recipe.model_dump(
        mode="json", exclude={"training": {"checkpoints", "num_processes"}}
    )
    data = [artifacts.histories, artifacts.vectors, artifacts.llm]
    known_by = [settings, arm, [folder.content_hash() for folder in data], code]
    key = hashlib.sha256(json.dumps(known_by, sort_keys=True).encode()).hexdigest()
    return Checkpoints(where, key)


def train_user_embedder(
    artifacts: Artifacts,
    recipe: Recipe,
    arm: TrainedArm,
    directory: Path,
    record: TrainingRecord = UNRECORDED,
) -> EmbedderFolder:
    """Train one arm's embedder on the train questions that the LLM was not tuned on.

    Args:
        artifacts: Histories, their behavior vectors and the LLM.
        recipe: The settings.
        arm: What is particular to it.
        directory: An existing directory to write into.
        record: Tells its code, and takes its figures.
    """
    recipe = recipe.model_copy(update={"seed": recipe.seed + arm.seed_offset})
    llm = artifacts.llm.load(recipe.llm, find_device())
    card = describe_embedder(recipe, artifacts, llm, arm.aggregation)
    questions = artifacts.histories.questions
    _, train_rows = split_train_rows(questions, recipe.llm)
    dev_rows = np.flatnonzero(np.asarray(questions["split"]) == "dev")
    whole = recipe.training.model_copy(update={"history_dropout": 0.0, "empty_rate": 0.0})

    shown = read_examples(artifacts, recipe, arm, llm, train_rows)
    watched = read_examples(artifacts, recipe, arm, llm, dev_rows)
    max_items = recipe.embedder.max_history_items
    train = TrainingExamples(shown, recipe.training, max_items, recipe.seed)
    dev = TrainingExamples(watched, whole, max_items, recipe.seed)
    torch.manual_seed(recipe.seed)
    embedder = build_user_embedder(card)
    has_adapters = hasattr(embedder, "input_encoder") and recipe.embedder.input_encoder == "lora"
    if has_adapters:
        add_adapters(embedder, recipe.embedder.lora_rank)
    if arm.aggregation is not Aggregation.NONE:
        prepare_projector(embedder, llm, artifacts, shown, recipe)
    lengths = [len(prompt) for prompt in shown.prompts]
    collate = build_collator(llm, card, recipe.llm)
    ids = questions.select(train_rows)["question_id"]
    inputs = FitInputs(train, dev if len(dev) else None, collate, lengths, list(ids))
    model = PersonaLLM(llm, embedder)
    is_pretrained = recipe.embedder.input_encoder == "trained"
    pretrained = ("embedder.input_encoder",) if is_pretrained else ()
    kept = FitRecord(find_checkpoints(artifacts, recipe, arm, record.code), record.log_metrics)
    curve = fit(model, inputs, recipe.training.fit, recipe.seed, pretrained, kept)
    if has_adapters:
        fold_adapters(embedder)
    return save_user_embedder(embedder, card, curve, directory)


def read_examples(
    artifacts: Artifacts, recipe: Recipe, arm: TrainedArm, llm: FrozenLLM, rows: np.ndarray
) -> Examples:
    """Return questions as the arm sees them: with whose history, and what in the prompt."""
    histories = artifacts.histories
    examples = build_examples(histories.questions, artifacts.vectors.open(), rows, recipe.llm)
    if arm.is_shuffled and len(rows):
        [draw] = draw_donors(histories, rows.tolist(), 1, recipe.seed)
        examples = examples.with_histories(draw)
    if arm.is_retrieving:
        read = read_retrieved(artifacts, recipe, llm)
        examples = replace(examples, prompts=read(rows))
    return examples


def read_retrieved(artifacts: Artifacts, recipe: Recipe, llm: FrozenLLM) -> Read:
    """Return what makes the prompts of the arms that are tuned on retrieved items."""
    how = recipe.retrieval
    retrieval = Retrieval(how.tuned_retriever, how.num_items, recipe.encoder, recipe.seed)
    return retrieval.read(artifacts.histories, artifacts.vectors, recipe.llm, llm)


def tune_own_llm(artifacts: Artifacts, recipe: Recipe, directory: Path) -> LLMFolder:
    """Tune a warm start on prompts with retrieved items, as the arms' own one was on questions."""
    made = LLMRecipe(task=recipe.task, llm=recipe.llm, encoder=recipe.encoder, seed=recipe.seed)
    read = read_retrieved(artifacts, recipe, artifacts.llm.load(recipe.llm))
    llm, curve = warm_start_llm(artifacts.histories, made, read)
    source = LLMSource(recipe.llm.name, artifacts.llm.describe()["revision"], made.settings_hash())
    return write_llm_folder(directory, source, llm, curve)


def prepare_projector(
    embedder: UserEmbedder,
    llm: FrozenLLM,
    artifacts: Artifacts,
    shown: Examples,
    recipe: Recipe,
) -> None:
    """Standardize and align the projector by the train questions and the items they show.

    With whose history a question is shown is the arm's: among other users' histories, no answers go
    with an item.
    """
    rows = np.unique(np.concatenate([[], *shown.histories])).astype(np.int64)
    if not len(rows):
        return
    if len(rows) > MAX_ALIGNED_ITEMS:
        rng = np.random.default_rng(recipe.seed)
        rows = np.sort(rng.choice(rows, size=MAX_ALIGNED_ITEMS, replace=False))
    vectors = shown.vectors[rows]
    embedder.standardize_by(torch.from_numpy(vectors.astype(np.float32)))
    outputs = list(artifacts.histories.items["output"])
    items = [(outputs[row], vector) for row, vector in zip(rows, vectors, strict=True)]
    said = [(text, vector) for text, vector in items if text]
    config = recipe.training.alignment
    if said and config.num_steps:
        companions = name_companions(recipe.task, outputs, shown.histories, shown.answers)
        left = align_projector(embedder, llm, said, companions, config, recipe.seed)
        logger.info("projector aligned with the LLM's words: %.0f %% unexplained", 100 * left)


def name_figures(record: TrainingRecord, arm: str) -> TrainingRecord:
    """Return the record with the arm's name before the figures'."""
    log = record.log_metrics
    if log is None:
        return record

    def log_named(figures: dict[str, float], step: int) -> None:
        log({f"{arm}/{name}": value for name, value in figures.items()}, step)

    return record._replace(log_metrics=log_named)


def train_all_arms(
    artifacts: Artifacts,
    recipe: Recipe,
    arms: Sequence[str],
    directory: Path,
    record: TrainingRecord = UNRECORDED,
) -> TrainedArms:
    """Train every arm that is named into a folder of its name below `directory`.

    The record's figures get the arm's name: `persona/loss`.
    """
    for name in arms:
        logger.info("training the arm %s", name)
        arm, folder, own = find_trained_arm(name), directory / name, artifacts
        folder.mkdir()
        if arm.is_retrieving and recipe.llm.name == WARM_START:
            (folder / OWN_LLM).mkdir()
            own = replace(artifacts, llm=tune_own_llm(artifacts, recipe, folder / OWN_LLM))
        train_user_embedder(own, recipe, arm, folder, name_figures(record, name))
    return TrainedArms.at(directory)
