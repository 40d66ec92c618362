"""Prepare the frozen LLM: by name from a hub, from a local folder, or warm-started on the spot."""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from pydantic import Field

from components.config import Config
from components.encoders.config import EncoderConfig
from components.encoders.sentence_encoder import load_sentence_encoder, locate_encoder
from components.folder import Folder
from components.histories.splits import draw_by_hash
from components.histories.tables import Histories
from components.llm.config import WARM_START, LLMConfig
from components.llm.frozen_llm import FrozenLLM
from components.llm.llm_folder import WEIGHTS, LLMFolder, LLMSource, write_llm_folder
from components.llm.prompt_layout import lay_out_chat
from components.llm.warm_models import build_warm_model
from components.llm.warm_start import TuningExamples, tune_on_questions
from components.optimization.fit import Curve
from components.tasks.task import Task

logger = logging.getLogger(__name__)

Read = Callable[[np.ndarray], Sequence[str]]
"""From rows of questions to what the LLM reads of them."""


def is_tuning_user(user_id: str, share: float) -> bool:
    """Tell whether a train user's questions tune the LLM, and not the user embedder.

    It hangs on the user's id alone, so a retraining on more data never mixes the two halves.
    """
    return draw_by_hash("llm-tuning", user_id) < share


def split_train_rows(questions: Dataset, config: LLMConfig) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of train questions that tune the LLM and those that train the embedder."""
    is_train = np.asarray(questions["split"]) == "train"
    share = config.warm_start.tuning_share if config.name == WARM_START else 0.0
    users = questions["user_id"]
    tunes = {user: is_tuning_user(user, share) for user in set(users)}
    tunes_llm = np.array([tunes[user] for user in users], dtype=bool)
    return np.flatnonzero(is_train & tunes_llm), np.flatnonzero(is_train & ~tunes_llm)


def resolve_llm(config: LLMConfig) -> LLMConfig:
    """Return the settings with a local folder's content as the revision, as `resolve_encoder`.

    Raises:
        ValueError: If the settings name another content.
    """
    if config.name == WARM_START or not Path(config.name).is_dir():
        return config
    return config.model_copy(update={"revision": check_content(config, Path(config.name))})


def check_content(config: LLMConfig, folder: Path) -> str:
    """Return the hash of a local LLM's content.

    Raises:
        ValueError: If the settings name another one.
    """
    found = Folder.at(folder).content_hash()
    if config.revision not in (None, found):
        raise ValueError(f"llm.revision is {config.revision}, but {config.name} has {found}")
    return found


class LLMRecipe(Config):
    """All that decides which LLM it is, the training data excepted."""

    task: Task = Field(
        description="The task; its labels and the run's questions tune a warm start."
    )
    llm: LLMConfig = Field(description="Which LLM.")
    encoder: EncoderConfig = Field(description="What a warm start starts from.")
    seed: int = Field(description="Seeds a warm start.")

    def settings_hash(self) -> str:
        """Return a sha256 of the settings; the seed is none, a retraining may keep the LLM."""
        relevant: dict[str, Any] = {"name": self.llm.name, "revision": self.llm.revision}
        if self.llm.name == WARM_START:
            relevant["llm"] = self.llm.model_dump(
                mode="json", include={"reads", "max_input_length", "warm_start"}
            )
            relevant["encoder"] = self.encoder.model_dump(mode="json", include={"name", "revision"})
            relevant["task"] = self.task.model_dump(mode="json")
        return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()

    def keeps(self, settings_hash: str | None) -> bool:
        """Whether a retraining takes over an LLM that settings of this hash made.

        Only a warm start is taken over: a ready LLM is what it is, and a hub's isn't registered.
        """
        is_made_here = self.llm.name == WARM_START
        return is_made_here and self.llm.keep_champions and settings_hash == self.settings_hash()


def prepare_llm(histories: Histories, recipe: LLMRecipe, directory: Path) -> LLMFolder:
    """Write the LLM that stays frozen from here on.

    Args:
        histories: The train questions of their tuning users tune a warm start.
        recipe: Which LLM.
        directory: An existing directory to write into.

    Returns:
        The LLM; a hub LLM by name and commit, without its weights.

    Raises:
        ValueError: If a hub LLM comes without a commit, a local one has another content, or an LLM
            that is to be asked by a chat template has none that can be used.
    """
    config, revision = recipe.llm, recipe.llm.revision
    llm: FrozenLLM | None = None
    curve: Curve = []
    if config.name == WARM_START:
        llm, curve = warm_start_llm(histories, recipe)
        _, revision = locate_encoder(recipe.encoder)
    elif Path(config.name).is_dir():
        shutil.copytree(config.name, directory / WEIGHTS)
        revision = check_content(config, directory / WEIGHTS)
    elif revision is None:
        raise ValueError(f"llm.revision: the hub LLM {config.name!r} needs a commit")
    source = LLMSource(config.name, revision, recipe.settings_hash())
    folder = write_llm_folder(directory, source, llm, curve)
    if config.use_chat_template:
        lay_out_chat(folder.load_tokenizer(), config.chat_options)
    return folder


def warm_start_llm(
    histories: Histories, recipe: LLMRecipe, read: Read | None = None
) -> tuple[FrozenLLM, Curve]:
    """Tune a warm-started LLM on the questions of its half of the train users.

    Args:
        histories: The tables.
        recipe: Which LLM.
        read: Makes what it reads of rows of questions; the questions alone, some of them with
            hints, if not given.
    """
    config, settings = recipe.llm, recipe.llm.warm_start
    questions = histories.questions
    tuning_rows, _ = split_train_rows(questions, config)
    dev_rows = np.flatnonzero(np.asarray(questions["split"]) == "dev")

    def pick(rows: np.ndarray, hint_rate: float) -> TuningExamples:
        chosen = questions.select(rows)
        hinting = settings.model_copy(update={"hint_rate": hint_rate})
        prompts = read(rows) if read else chosen[config.reads]
        return TuningExamples(prompts, chosen["output"], recipe.task.labels, hinting, recipe.seed)

    # `precision` is the frozen encoder's; what is tuned is float32, as is the input encoder.
    trainable = recipe.encoder.model_copy(update={"precision": "float32"})
    encoder = load_sentence_encoder(trainable)
    llm = build_warm_model(encoder, settings, recipe.seed)
    train, dev = pick(tuning_rows, 0.0 if read else settings.hint_rate), pick(dev_rows, 0.0)
    logger.info("tuning a warm-started LLM on %d questions of its half of the users", len(train))
    curve = tune_on_questions(llm, train, dev if len(dev) else None, config.max_input_length)
    return llm, curve
