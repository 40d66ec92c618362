"""Let every arm answer the same questions (method section 3): one table over one code path."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from datasets import Dataset
from pydantic import JsonValue
from tqdm import tqdm

from components.encoders.behavior_vectors import find_device
from components.evaluation.arm_table import PER_USER, WITHOUT_LLM, Arm, build_arms
from components.evaluation.attention import weigh_histories
from components.evaluation.costs import StoredBytes, count_statistics_bytes, count_tokens
from components.evaluation.evaluation import Cost
from components.evaluation.exam import Exam
from components.evaluation.per_user_lora import answer_per_user
from components.evaluation.predictions import PREDICTION_SCHEMA, QUESTION_SCHEMA, Answers
from components.evaluation.user_statistics import answer_from_statistics
from components.llm.answering import build_answer_rule
from components.llm.config import LLMConfig
from components.llm.frozen_llm import FrozenLLM
from components.training.train import TrainedArms
from components.user_embedder.collator import Example, build_collator
from components.user_embedder.embedder_folder import EmbedderFolder
from components.user_embedder.persona_llm import PersonaLLM
from components.user_embedder.user_embedder import Aggregation

logger = logging.getLogger(__name__)

Runs = list[list[str]]
"""An arm's answers by draw, then question."""
NUM_SOFT = {Aggregation.NONE: 1, Aggregation.UNIFORM: 2, Aggregation.ATTENTION: 2}
"""Places of the soft prompt that are read; where there are two, one of them is the persona."""


@dataclass(frozen=True)
class Answered:
    """What an arm answered, and what that cost."""

    runs: Runs
    cost: Cost


def answer_as(
    exam: Exam,
    plug_in: EmbedderFolder,
    is_plugged: bool,
    runs: Sequence[Sequence[Example]],
    llm: FrozenLLM | None = None,
) -> Runs:
    """Answer each run of examples, in their order.

    Args:
        exam: How the LLM is asked.
        plug_in: The embedder.
        is_plugged: Whether it is used; else the LLM answers alone.
        runs: The same questions, perhaps several times with other histories.
        llm: The LLM that answers; the exam's if not given.
    """
    device, config = find_device(), exam.recipe.llm
    llm = llm or exam.artifacts.llm.load(config, device)
    model = PersonaLLM(llm, plug_in.load(device) if is_plugged else None)
    rule = build_answer_rule(llm, exam.recipe.task, config)
    collate = build_collator(llm, plug_in.card(), config)
    answers = [[""] * len(run) for run in runs]
    with tqdm(total=sum(map(len, runs)), desc="answering", unit=" questions") as bar:
        for run, given in zip(runs, answers, strict=True):
            for row, answer in model.answer(run, collate, rule):
                given[row] = answer
                bar.update()
    return answers


def answer_all_arms(exam: Exam, trained: TrainedArms) -> Answers:
    """Let all arms of the settings answer.

    Args:
        exam: The questions.
        trained: The trained embedders that the arms need.
    """
    rows, recipe = exam.question_rows(), exam.recipe
    stored = StoredBytes(exam.artifacts.histories, rows, exam.artifacts.vectors.open().shape[1])
    shared = exam.artifacts.llm.load(recipe.llm, find_device())
    answered: dict[str, Answered] = {}
    for name, arm in build_arms(recipe.evaluation, recipe.retrieval).items():
        logger.info("answering as %s", name)
        answered[name] = answer_as_arm(exam, trained, arm, rows, stored, shared)
    notes: dict[str, JsonValue] = {}
    if WITHOUT_LLM in recipe.evaluation.arms:
        answered[WITHOUT_LLM], notes[WITHOUT_LLM] = answer_without_llm(exam, rows)
    parts = [tabulate_predictions(exam, rows, {n: a.runs for n, a in answered.items()})]
    if PER_USER in recipe.evaluation.arms:
        logger.info("answering as %s", PER_USER)
        sample = answer_per_user(exam)
        if sample.obstacle is not None:
            notes[PER_USER] = sample.obstacle
        else:
            parts.append(tabulate_predictions(exam, sample.rows, {PER_USER: [sample.answers]}))
            answered[PER_USER] = Answered([sample.answers], sample.cost)
    agreement = compare_with_generation(
        exam, trained.arm("persona"), rows, answered["persona"].runs[0], shared
    )
    if agreement is not None:
        notes["agreement_with_generation"] = agreement
    return Answers(
        predictions=pa.concat_tables(parts),
        questions=describe_questions(exam, rows),
        attention=weigh_histories(exam, trained.arm("persona"), rows),
        costs={name: result.cost for name, result in answered.items()},
        notes=notes,
    )


def answer_as_arm(
    exam: Exam,
    trained: TrainedArms,
    arm: Arm,
    rows: Sequence[int],
    stored: StoredBytes,
    shared: FrozenLLM,
) -> Answered:
    """Let one arm of the table answer; its seconds hold the choice of retrieved items.

    Args:
        exam: The questions.
        trained: The trained embedders.
        arm: Which arm.
        rows: The questions' rows.
        stored: What histories take.
        shared: The LLM of all arms for which none was tuned alone.
    """
    plug_in = trained.arm(arm.embedder or "persona")
    is_plugged = arm.embedder is not None
    own = trained.llm(arm.embedder) if arm.embedder else None
    llm = own.load(exam.recipe.llm, find_device()) if own else shared
    started = time.perf_counter()
    runs = exam.show(arm, rows, llm)
    answers = answer_as(exam, plug_in, is_plugged, runs, llm)
    seconds = time.perf_counter() - started
    num_soft = NUM_SOFT[plug_in.card().aggregation] if is_plugged else 0
    cost = Cost(
        seconds_per_question=seconds / sum(map(len, runs)),
        tokens_per_question=count_tokens(llm, runs[0].prompts, exam.recipe.llm, num_soft),
        bytes_per_user=stored.of_arm(arm, reads_history=num_soft == 2),
    )
    return Answered(answers, cost)


def answer_without_llm(exam: Exam, rows: list[int]) -> tuple[Answered, JsonValue]:
    """Let simple statistics answer; returns also which one stands for the arm."""
    recipe = exam.recipe
    started = time.perf_counter()
    statistics = answer_from_statistics(
        exam.artifacts.histories, rows, recipe.task, recipe.evaluation.user_statistics, recipe.seed
    )
    cost = Cost(
        seconds_per_question=(time.perf_counter() - started) / len(rows),
        tokens_per_question=0,
        bytes_per_user=count_statistics_bytes(recipe.task),
    )
    said: JsonValue = statistics.model_dump(exclude={"predictions"})
    return Answered([statistics.predictions], cost), said


def compare_with_generation(
    exam: Exam, plug_in: EmbedderFolder, rows: list[int], scored: Sequence[str], llm: FrozenLLM
) -> JsonValue:
    """Say how often persona's free generation agrees with its answers by the labels' scores.

    Returns None where labels are not scored, or no question is to be compared.
    """
    recipe = exam.recipe
    size = min(len(rows), recipe.evaluation.num_generated)
    if not recipe.task.labels or recipe.llm.answers != "label_scores" or not size:
        return None
    rng = np.random.default_rng(recipe.seed)
    places = np.sort(rng.choice(len(rows), size=size, replace=False)).tolist()
    free: LLMConfig = recipe.llm.model_copy(update={"answers": "generation"})
    generating = replace(exam, recipe=recipe.model_copy(update={"llm": free}))
    asked = [rows[place] for place in places]
    [generated] = answer_as(generating, plug_in, True, [generating.examples(asked)], llm)
    labels = set(recipe.task.labels)
    return {
        "questions": size,
        "same answer": float(
            np.mean([scored[p] == text for p, text in zip(places, generated, strict=True)])
        ),
        "no label": float(np.mean([text not in labels for text in generated])),
        "scored answers are": recipe.llm.ordinal_answer
        if recipe.task.kind == "ordinal"
        else "mode",
    }


def describe_questions(exam: Exam, rows: Sequence[int]) -> pa.Table:
    """Return what is known of the questions, columns of QUESTION_SCHEMA."""
    questions = exam.artifacts.histories.questions
    is_train = np.asarray(questions["split"]) == "train"
    known = set(np.asarray(questions["user_id"])[is_train].tolist())
    chosen: Dataset = questions.select(rows)
    return pa.table(
        {
            "question_id": list(chosen["question_id"]),
            "known_user": [user in known for user in chosen["user_id"]],
            "num_items": [len(history) for history in chosen["history"]],
        },
        schema=QUESTION_SCHEMA,
    )


def tabulate_predictions(exam: Exam, rows: Sequence[int], answers: Mapping[str, Runs]) -> pa.Table:
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
