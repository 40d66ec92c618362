"""Let every arm answer the same questions (method section 3).

One table of arms over one code path: an arm is a trained embedder, or none, and whose history it
reads. `user_statistics` alone has no model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from datasets import Dataset
from pydantic import Field, JsonValue
from tqdm import tqdm

from components.config import Config
from components.encoders.behavior_vectors import find_device
from components.evaluation.config import EvaluationConfig
from components.evaluation.predictions import PREDICTION_SCHEMA
from components.evaluation.shuffling import draw_donors
from components.evaluation.user_statistics import answer_from_statistics
from components.llm.config import LLMConfig
from components.llm.frozen_llm import build_answer_rule
from components.tasks.task import Task
from components.training.examples import Examples, build_examples
from components.training.train import TRAINED_ARMS, Artifacts, TrainedArms, build_collator
from components.user_embedder.collator import Example
from components.user_embedder.embedder_folder import EmbedderFolder
from components.user_embedder.persona_llm import PersonaLLM


class ExamRecipe(Config):
    """How the arms are examined."""

    task: Task = Field(description="The task.")
    llm: LLMConfig = Field(description="How the LLM is asked.")
    evaluation: EvaluationConfig = Field(description="What is evaluated.")
    seed: int = Field(description="Of the shuffled histories' donors and the bootstrap.")


@dataclass(frozen=True)
class Exam:
    """The questions that all arms answer, and how."""

    artifacts: Artifacts
    recipe: ExamRecipe

    def question_rows(self) -> list[int]:
        """Return the rows of the evaluated split in the question table.

        Raises:
            ValueError: If the split is empty.
        """
        splits = np.asarray(self.artifacts.histories.questions["split"])
        rows: list[int] = np.flatnonzero(splits == self.recipe.evaluation.split).tolist()
        if not rows:
            raise ValueError(
                f"there are no {self.recipe.evaluation.split} questions to evaluate on"
            )
        return rows

    def examples(self, rows: Sequence[int]) -> Examples:
        """Return the questions with their own histories."""
        questions = self.artifacts.histories.questions
        return build_examples(questions, self.artifacts.vectors.open(), rows, self.recipe.llm)


def answer_as(
    exam: Exam, plug_in: EmbedderFolder, is_plugged: bool, runs: Sequence[Sequence[Example]]
) -> list[list[str]]:
    """Answer each run of examples, in their order.

    Args:
        exam: The questions and the LLM.
        plug_in: The embedder.
        is_plugged: Whether it is used; else the LLM answers alone.
        runs: The same questions, perhaps several times with other histories.
    """
    device, config = find_device(), exam.recipe.llm
    llm = exam.artifacts.llm.load(config.dtype, device)
    model = PersonaLLM(llm, plug_in.load(device) if is_plugged else None)
    rule = build_answer_rule(llm, exam.recipe.task.labels, config.max_new_tokens, config.num_beams)
    collate = build_collator(llm, plug_in.card(), config)
    answers = [[""] * len(run) for run in runs]
    with tqdm(total=sum(map(len, runs)), desc="answering", unit=" questions") as bar:
        for run, given in zip(runs, answers, strict=True):
            for row, answer in model.answer(run, collate, rule):
                given[row] = answer
                bar.update()
    return answers


def answer_all_arms(exam: Exam, trained: TrainedArms) -> tuple[pa.Table, dict[str, JsonValue]]:
    """Let all arms answer.

    Args:
        exam: The questions.
        trained: The trained embedders.

    Returns:
        The predictions (columns of `PREDICTION_SCHEMA`), and what is worth knowing beside them: the
        statistic that stands for `user_statistics`, with its rivals' figures.
    """
    rows = exam.question_rows()
    examples = exam.examples(rows)
    persona = trained.arm("persona")
    answers: dict[str, list[list[str]]] = {"base": answer_as(exam, persona, False, [examples])}
    for arm in TRAINED_ARMS:
        answers[arm] = answer_as(exam, trained.arm(arm), True, [examples])
    answers["shuffled"] = answer_as(exam, persona, True, shuffle_histories(exam, rows))
    recipe = exam.recipe
    statistics = answer_from_statistics(
        exam.artifacts.histories,
        rows,
        recipe.task,
        recipe.evaluation.user_statistics,
        recipe.seed,
    )
    answers["user_statistics"] = [statistics.predictions]
    notes: dict[str, JsonValue] = {
        "user_statistics": statistics.model_dump(exclude={"predictions"})
    }
    return tabulate_predictions(exam, rows, answers), notes


def shuffle_histories(exam: Exam, rows: list[int]) -> list[Examples]:
    """Return the questions once a draw, each with another user's history."""
    draws = draw_donors(
        exam.artifacts.histories, rows, exam.recipe.evaluation.num_shuffles, exam.recipe.seed
    )
    examples = exam.examples(rows)
    return [
        replace(examples, histories=[np.asarray(items, dtype=np.int64) for items in draw])
        for draw in draws
    ]


def tabulate_predictions(
    exam: Exam, rows: list[int], answers: Mapping[str, list[list[str]]]
) -> pa.Table:
    """Put every arm's answers into one table, a row an arm, draw and question."""
    questions: Dataset = exam.artifacts.histories.questions.select(rows)
    fixed = {name: list(questions[name]) for name in ("question_id", "user_id", "output")}
    parts = [
        pa.table(
            {
                "question_id": fixed["question_id"],
                "user_id": fixed["user_id"],
                "arm": [arm] * len(rows),
                "draw": [draw] * len(rows),
                "prediction": predictions,
                "gold": fixed["output"],
            },
            schema=PREDICTION_SCHEMA,
        )
        for arm, runs in answers.items()
        for draw, predictions in enumerate(runs)
    ]
    return pa.concat_tables(parts)
