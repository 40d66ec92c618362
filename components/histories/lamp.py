"""Reading a folder in LaMP's layout: questions with profiles, and golds (method section 5).

The benchmark's questions files are hundreds of megabytes of profiles. They are read one question at
a time; what stays in memory of a question is its own text and the numbers of its history's items.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from components.histories.config import LampConfig
from components.histories.profiles import ProfileItems
from components.histories.record import Record
from components.histories.source_files import read_elements, read_json
from components.histories.splits import sample_questions
from components.histories.tables import (
    QUESTION_SCHEMA,
    ROWS_PER_BATCH,
    SPLITS,
    Histories,
    QuestionRow,
    Split,
    write_histories,
)
from components.tasks.lamp import LAMP_TASKS
from components.tasks.task import Task

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SplitPaths:
    """The two files of a split."""

    questions: Path
    outputs: Path


def read_lamp(config: LampConfig, task: Task, seed: int, directory: Path) -> Histories:
    """Read all splits that have questions and outputs, and `limits.json` if it is there.

    A profile is taken as it is given; its items are put in order of time. A question without a date
    gets that of the item which it became in a later profile of its user. A split whose outputs
    are withheld, as the benchmark's test golds are, is left out with a warning.

    Args:
        config: The folder, and how much is kept of it.
        task: What the items and questions mean.
        seed: Of the samples of questions.
        directory: Where the tables are written: not there yet, or empty.

    Raises:
        ValueError: If something is bad (names file, question and field) or no split can be read.
    """
    found: list[QuestionRow] = []
    seen: dict[str, Path] = {}
    with ProfileItems(task) as items:
        for split in SPLITS:
            paths = _find_split(config.folder, split)
            if paths is not None:
                found += _read_split(split, paths, task, items, seen)
        if not found:
            raise ValueError(
                f"{config.folder}: no question with its output; expected "
                "{split}_questions.json and {split}_outputs.json (plain or .gz) for "
                f"{', '.join(SPLITS)}, there or in a folder named after the split"
            )
        splits_Q = np.array([SPLITS.index(question["split"]) for question in found])
        kept = [items.date(found[row]) for row in sample_questions(splits_Q, config, seed)]
        limits = config.folder / "limits.json"
        return write_histories(
            directory,
            items.tables(),
            _tabulate(kept, items.number_rows(), config.max_history_items),
            read_json(limits) if limits.exists() else {},
        )


def _find_split(folder: Path, split: Split) -> SplitPaths | None:
    """Return the files of questions and outputs, None (with a warning) if one is not there."""
    found: list[Path] = []
    for kind in ("questions", "outputs"):
        name = f"{split}_{kind}.json"
        places = [folder / split / name, folder / name]
        choices = [path for place in places for path in (place, place.with_name(f"{name}.gz"))]
        existing = [path for path in choices if path.is_file()]
        if not existing:
            logger.warning("split %s is left out: there is no %s (or .gz)", split, places[0])
            return None
        found.append(existing[0])
    return SplitPaths(*found)


def _read_split(
    split: Split, paths: SplitPaths, task: Task, items: ProfileItems, seen: dict[str, Path]
) -> list[QuestionRow]:
    """Read one split; `seen` says in which file each question id stood, and is added to.

    The rows' histories are numbers of `items` yet.
    """
    golds = read_golds(paths.outputs, task)
    found: list[QuestionRow] = []
    unlike: list[str] = []
    for question_id, record in read_questions(paths.questions, seen):
        if question_id not in golds:
            raise record.error("output", f"there is no gold of this id in {paths.outputs}")
        user_id, profile = items.add_profile(record, question_id)
        text = record.text("input")
        payload = task.extract_payload(text)
        if payload is None:
            unlike.append(question_id)
            payload = task.guess_payload(text)
        row = QuestionRow(
            question_id=question_id,
            user_id=user_id,
            split=split,
            time=record.time("date") if "date" in record.values else None,
            input=text,
            payload=payload,
            output=golds[question_id],
            history=profile,
        )
        found.append(row)
    warn_of_prompts(paths.questions, task, unlike, len(found))
    return found


def read_questions(path: Path, seen: dict[str, Path]) -> Iterator[tuple[str, Record]]:
    """Read a questions file, one question with its id at a time.

    Args:
        path: The file.
        seen: Says in which file each question id stood, and is added to.

    Raises:
        ValueError: If the file is bad, has no questions, or an id stood before.
    """
    for question_id, record in _read_entries(path, "question", read_elements(path, "question")):
        if question_id in seen:
            raise record.error("id", f"stands in {seen[question_id]} already")
        seen[question_id] = path
        yield question_id, record


def read_golds(path: Path, task: Task) -> dict[str, str]:
    """Read an outputs file: the gold of each question's id.

    Raises:
        ValueError: If the file is bad, is another task's, or a gold is not allowed by the task.
    """
    document = read_json(path)
    if not isinstance(document, dict) or "golds" not in document:
        raise ValueError(f"{path}, field 'golds': is missing; expected an object with a list")
    if not isinstance(document["golds"], list):
        came = type(document["golds"]).__name__
        raise ValueError(f"{path}, field 'golds': expected a list of golds, got {came}")
    named = str(document.get("task"))
    # A task of one's own may be told in the benchmark's layout under any name.
    if named != task.name and {named, task.name} <= LAMP_TASKS.keys():
        raise ValueError(f"{path}, field 'task': is {named!r}, but the run's is {task.name!r}")
    golds: dict[str, str] = {}
    for question_id, record in _read_entries(path, "gold", document["golds"]):
        if question_id in golds:
            raise record.error("id", "has a gold already")
        golds[question_id] = record.output("output", task)
    return golds


def _read_entries(path: Path, kind: str, entries: Iterable[Any]) -> Iterator[tuple[str, Record]]:
    """Go through objects that have an id."""
    number = 0
    for number, values in enumerate(entries, start=1):
        if not isinstance(values, dict):
            raise ValueError(
                f"{path}, {kind} number {number}: expected an object, got {type(values).__name__}"
            )
        entry_id = Record(f"{path}, {kind} number {number}", values).identifier("id")
        yield entry_id, Record(f"{path}, {kind} {entry_id!r}", values)
    if not number:
        raise ValueError(f"{path}: has no {kind}s")


def _tabulate(
    questions: list[QuestionRow], row_of: NDArray[np.int32], max_history_items: int
) -> Iterator[pa.Table]:
    """Yield the questions with rows of the items' table for the numbers of the items."""
    for start in range(0, len(questions), ROWS_PER_BATCH):
        rows = [
            question | {"history": row_of[np.asarray(question["history"][-max_history_items:])]}
            for question in questions[start : start + ROWS_PER_BATCH]
        ]
        yield pa.Table.from_pylist(rows, schema=QUESTION_SCHEMA)


def warn_of_prompts(path: Path, task: Task, unlike: list[str], num_questions: int) -> None:
    """Say how many of a file's inputs are not worded like the task's prompt: their ids."""
    if unlike:
        logger.warning(
            "%s: %d of %d inputs are not worded like the prompt of task %s (first: %s); "
            "what the input encoder reads of them was guessed",
            *(path, len(unlike), num_questions, task.name, ", ".join(unlike[:3])),
        )
