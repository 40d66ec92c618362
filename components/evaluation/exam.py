"""The questions that all arms answer, and what each arm is shown of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from pydantic import Field

from components.config import Config
from components.encoders.behavior_vectors import find_device
from components.encoders.config import EncoderConfig
from components.encoders.encoding import encode_texts
from components.encoders.sentence_encoder import load_history_encoder
from components.evaluation.arm_table import Arm
from components.evaluation.config import EvaluationConfig
from components.evaluation.newest import select_newer
from components.histories.shuffling import draw_donors
from components.llm.config import LLMConfig
from components.llm.frozen_llm import FrozenLLM
from components.retrieval.config import RetrievalConfig
from components.retrieval.retrieval import Retrieval
from components.tasks.task import Task
from components.training.examples import Examples, build_examples
from components.training.train import Artifacts


class ExamRecipe(Config):
    """How the arms are examined."""

    task: Task = Field(description="The task.")
    encoder: EncoderConfig = Field(description="What made the behavior vectors.")
    llm: LLMConfig = Field(description="How the LLM is asked.")
    retrieval: RetrievalConfig = Field(description="What arms with items in the prompt read.")
    evaluation: EvaluationConfig = Field(description="What is evaluated.")
    seed: int = Field(description="Of donors, samples and the bootstrap.")
    newer_than: datetime | None = Field(
        None, description="Only questions after this time (UTC) are asked; all if none is given."
    )


@dataclass(frozen=True)
class Exam:
    """The questions that all arms answer, and how."""

    artifacts: Artifacts
    recipe: ExamRecipe

    def question_rows(self) -> list[int]:
        """Return the rows of the questions that are asked in the question table.

        Raises:
            ValueError: If there are none.
        """
        split, newer_than = self.recipe.evaluation.split, self.recipe.newer_than
        rows = select_newer(self.artifacts.histories.questions, split, newer_than)
        if not rows:
            after = "" if newer_than is None else f" that are newer than {newer_than}"
            raise ValueError(f"there are no {split} questions{after} to evaluate on")
        return rows

    def examples(self, rows: Sequence[int]) -> Examples:
        """Return the questions with their own histories."""
        questions = self.artifacts.histories.questions
        return build_examples(questions, self.artifacts.vectors.open(), rows, self.recipe.llm)

    def show(self, arm: Arm, rows: Sequence[int], llm: FrozenLLM) -> list[Examples]:
        """Return the questions as an arm sees them; once a draw for an arm that is shuffled.

        Args:
            arm: Which arm.
            rows: Which questions.
            llm: The LLM that answers: retrieved items have to fit beside the question.
        """
        examples = self.examples(rows)
        if arm.retriever is not None:
            retrieval = Retrieval(
                arm.retriever, arm.num_retrieved, self.recipe.encoder, self.recipe.seed
            )
            histories, vectors = self.artifacts.histories, self.artifacts.vectors
            read = retrieval.read(histories, vectors, self.recipe.llm, llm)
            examples = replace(examples, prompts=read(rows))
        if arm.reads_reference:
            examples = self._encode_as_reference(examples)
        if arm.max_items is not None:
            examples = cut_histories(examples, arm.max_items)
        return shuffle_histories(self, rows, examples) if arm.is_shuffled else [examples]

    def _encode_as_reference(self, examples: Examples) -> Examples:
        """Return the questions with the vectors that float32 on torch makes of their items."""
        config = self.recipe.encoder.as_reference()
        rows, places = np.unique(np.concatenate(examples.histories), return_inverse=True)
        texts = list(self.artifacts.histories.items.select(rows)["text"])
        vectors = encode_texts(load_history_encoder(config, find_device()), texts, config)
        ends = np.cumsum([len(history) for history in examples.histories])
        return replace(examples, vectors=vectors, histories=np.split(places, ends[:-1]))


def cut_histories(examples: Examples, num_items: int) -> Examples:
    """Return the questions with the newest items of each history only."""
    newest = [history[max(0, len(history) - num_items) :] for history in examples.histories]
    return replace(examples, histories=newest)


def shuffle_histories(exam: Exam, rows: Sequence[int], examples: Examples) -> list[Examples]:
    """Return the examples once a draw, each with another user's history."""
    recipe = exam.recipe
    draws = draw_donors(exam.artifacts.histories, rows, recipe.evaluation.num_shuffles, recipe.seed)
    return [examples.with_histories(draw) for draw in draws]
