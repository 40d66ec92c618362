"""Answer a questions file of the benchmark, as its test split whose golds are withheld.

    python -m components.serving.predict --bundle FOLDER --questions test_questions.json \
        --output predictions.json

The questions are read, answered and written batch by batch, however large the file is.
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from components.histories.golds import write_golds
from components.histories.lamp import read_questions, warn_of_prompts
from components.histories.profiles import read_profile
from components.histories.record import Record
from components.serving.bundle import ServingBundle
from components.serving.persona_model import SPEC, PersonaModel
from components.tasks.task import Task

BATCH_SIZE = 64
"""Questions that are in memory at a time, with their histories."""


class Question(NamedTuple):
    """A question as it was asked."""

    question_id: str
    prompt: str
    payload: str
    """What the input encoder reads of it."""
    is_guessed: bool
    """Whether the payload was guessed, as the prompt is not worded like the task's."""
    items: list[dict[str, str]]
    """The task's history fields of each item that is read, oldest first."""


def predict_file(model: PersonaModel, questions: Path, output: Path, task_name: str) -> None:
    """Write the answers to a questions file; the output appears complete or not at all.

    Raises:
        ValueError: If the file is bad; names file, question and field.
    """
    answers = answer_questions(model, questions)
    write_golds(output, task_name, tqdm(answers, desc=questions.name, unit=" questions"))


def answer_questions(model: PersonaModel, path: Path) -> Iterator[tuple[str, str]]:
    """Yield the id and the answer of every question of a file, in its order.

    Raises:
        ValueError: If the file is bad; names file, question and field.
    """
    task, max_items = model.spec.task, model.card.embedder.max_history_items
    unlike: list[str] = []
    num_questions = 0
    questions = (
        read_question(question_id, record, task, max_items)
        for question_id, record in read_questions(path, {})
    )
    while batch := list(islice(questions, BATCH_SIZE)):
        num_questions += len(batch)
        unlike += [question.question_id for question in batch if question.is_guessed]
        answers = model.answer(
            [question.payload for question in batch],
            encode_profiles(model, batch),
            [question.prompt for question in batch],
        )
        yield from zip((question.question_id for question in batch), answers, strict=True)
    warn_of_prompts(path, task, unlike, num_questions)


def read_question(question_id: str, record: Record, task: Task, max_items: int) -> Question:
    """Read a question's input and the newest items of its profile.

    Raises:
        ValueError: If a field is missing or bad.
    """
    prompt = record.text("input")
    items = [
        {name: item.record.text(name) for name in task.history_fields}
        for item in read_profile(record)[-max_items:]
    ]
    payload = task.extract_payload(prompt)
    if payload is None:
        return Question(question_id, prompt, task.guess_payload(prompt), True, items)
    return Question(question_id, prompt, payload, False, items)


def encode_profiles(model: PersonaModel, questions: Sequence[Question]) -> list[np.ndarray]:
    """Return each question's behavior vectors, float16 [H, E]."""
    vectors = model.encode_items([item for question in questions for item in question.items])
    ends = np.cumsum([len(question.items) for question in questions])
    return np.split(vectors, ends[:-1])


def main() -> None:
    """Answer the file that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bundle", type=Path, required=True, help="folder of a serving bundle")
    parser.add_argument("--questions", type=Path, required=True, help="questions in LaMP's shape")
    parser.add_argument("--output", type=Path, required=True, help="file of the predictions")
    parser.add_argument("--task-name", help="the benchmark's name of the task; else the bundle's")
    given = parser.parse_args()
    if not (given.bundle / SPEC).is_file():
        parser.error(f"{given.bundle} is no serving bundle: there is no {SPEC} in it")
    model = ServingBundle.at(given.bundle).load()
    predict_file(model, given.questions, given.output, given.task_name or model.spec.task.name)


if __name__ == "__main__":
    main()
