"""Histories of a few short texts, for tests of what is chosen from them."""

from pathlib import Path

import pyarrow as pa

from components.histories.tables import ITEM_SCHEMA, QUESTION_SCHEMA, Histories, write_histories


def build_histories(directory: Path, users: list[tuple[list[str], str]]) -> Histories:
    """Write users as (texts of the items, oldest first; payload of the one question).

    What the LLM reads instead of the payload, the input, is "ask: " and the payload.
    """
    items, questions = [], []
    for number, (texts, payload) in enumerate(users):
        user, first = f"user-{number}", len(items)
        for index, text in enumerate(texts):
            item = {"user_id": user, "item_id": f"{number}-{index}", "time": None}
            items.append(item | {"text": text, "input": text, "output": None})
        question = {"question_id": f"q{number}", "user_id": user, "split": "test", "time": None}
        question |= {"input": f"ask: {payload}", "payload": payload, "output": "gold"}
        questions.append(question | {"history": list(range(first, len(items)))})
    return write_histories(
        directory,
        pa.Table.from_pylist(items, schema=ITEM_SCHEMA),
        pa.Table.from_pylist(questions, schema=QUESTION_SCHEMA),
    )
