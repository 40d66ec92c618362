"""Answers of arms as functions of the question's number."""

import pyarrow as pa

from components.evaluation.predictions import ATTENTION_SCHEMA, QUESTION_SCHEMA, Answers
from components.tasks.task import Task

TEMPLATES = {"prompt": "{payload}", "input_field": "text", "history_template": "{text}"}
TAGS = Task(name="tags", kind="classification", labels=("a", "b"), **TEMPLATES)
SCORES = Task(name="scores", kind="ordinal", labels=("1", "2", "3", "4", "5"), **TEMPLATES)


def build_table(arms, users, gold="a", asked=lambda arm, number: True):
    """Answers of {(arm, draw): answer(number)} to one question for every entry of `users`."""
    return pa.Table.from_pylist(
        [
            {
                "question_id": f"q{number:05d}",
                "user_id": str(user),
                "arm": arm,
                "draw": draw,
                "prediction": answer(number),
                "gold": gold,
            }
            for (arm, draw), answer in arms.items()
            for number, user in enumerate(users)
            if asked(arm, number)
        ]
    )


def build_answers(table, is_known=lambda user: True, attention=None, **beside):
    """The answers with what is known of their questions."""
    users = dict(zip(table["question_id"].to_pylist(), table["user_id"].to_pylist(), strict=True))
    facts = [
        {"question_id": question, "known_user": is_known(user), "num_items": 9}
        for question, user in users.items()
    ]
    return Answers(
        predictions=table,
        questions=pa.Table.from_pylist(facts, schema=QUESTION_SCHEMA),
        attention=ATTENTION_SCHEMA.empty_table() if attention is None else attention,
        **beside,
    )


def right_for(share):
    """Right in this share of every ten questions."""
    return lambda number: "a" if number % 10 < 10 * share else "b"
