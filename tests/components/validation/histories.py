"""Small histories that are sound, and ways to spoil them."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from components.histories.tables import (
    Histories,
    HistoryRows,
    ItemRow,
    QuestionRow,
    write_histories,
)
from components.tasks.task import Task
from components.validation.source_tables import SourceTables, open_tables, take_apart

SCORE = Task(
    name="score",
    kind="ordinal",
    labels=("1", "2", "3"),
    prompt="How good? review: {payload}",
    input_field="text",
    output_field="score",
    history_template="score: {score} review: {text}",
)
HEADLINE = Task(
    name="headline",
    kind="text",
    prompt="Write a headline for: {payload}",
    input_field="text",
    output_field="title",
    history_template="title: {title} article: {text}",
)
SECRET = "confidential"
"""A word of every text, which must not get into reports."""

Spoil = Callable[[HistoryRows], None]


def make_rows(task: Task = SCORE) -> HistoryRows:
    """Return sound rows: ann has items 0 to 3, bob 4 to 5; each asks two questions.

    Ann's items are of 1 to 4 January, a second before midnight. Her questions are of 4 January
    0:00 (items 0 to 2) and of 5 January (all four); bob's are of 10 January (items 4 and 5) and
    of 9 January (none).
    """
    days = [("ann", 1), ("ann", 2), ("ann", 3), ("ann", 4), ("bob", 1), ("bob", 2)]
    items = [
        ItemRow(
            user_id=user,
            item_id=f"i{row}",
            time=datetime(2020, 1, day, 23, 59, 59),
            text=f"score: 1 review: {SECRET} text {row}",
            input=f"{SECRET} text {row}",
            output="1" if task.labels else f"{SECRET} title {row}",
        )
        for row, (user, day) in enumerate(days)
    ]
    asked = [("ann", 4, [0, 1, 2]), ("ann", 5, [0, 1, 2, 3]), ("bob", 10, [4, 5]), ("bob", 9, [])]
    questions = [
        QuestionRow(
            question_id=f"q{row}",
            user_id=user,
            split="test",
            time=datetime(2020, 1, day),
            input=task.render_prompt(f"{SECRET} payload {row}"),
            payload=f"{SECRET} payload {row}",
            output="2" if task.labels else f"{SECRET} gold {row}",
            history=history,
        )
        for row, (user, day, history) in enumerate(asked)
    ]
    return HistoryRows(items, questions, {"bayes": {"mae": {"q0": "2"}}})


def write(directory: Path, rows: HistoryRows) -> Histories:
    """Write rows."""
    return write_histories(directory, rows.item_table(), rows.question_table(), rows.limits)


def open_rows(directory: Path, rows: HistoryRows) -> SourceTables:
    """Write rows, and open them as the rules do."""
    return take_apart(*open_tables(write(directory, rows)))


def replace_table(histories: Histories, name: str, table: pa.Table) -> None:
    """Put another table in the place of one, past the checks of the writer."""
    path = histories.path / name / "data.arrow"
    path.unlink()
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def spoil_item(row: int, **values: object) -> Spoil:
    return lambda rows: rows.items[row].update(values)  # type: ignore[typeddict-item]


def spoil_question(row: int, **values: object) -> Spoil:
    return lambda rows: rows.questions[row].update(values)  # type: ignore[typeddict-item]
