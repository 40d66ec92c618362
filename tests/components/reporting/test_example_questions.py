"""Which questions are shown, and that no text is where none may be."""

import pyarrow as pa
import pytest

from components.evaluation.predictions import (
    ATTENTION_SCHEMA,
    PREDICTION_SCHEMA,
    QUESTION_SCHEMA,
    Answers,
)
from components.histories.tables import ITEM_SCHEMA, write_histories
from components.histories.tables import QUESTION_SCHEMA as HISTORY_QUESTION_SCHEMA
from components.reporting.example_questions import pick_examples
from components.tasks.lamp import LAMP_2
from components.tasks.task import Task

SCORE = Task(
    name="score",
    kind="ordinal",
    labels=("1", "2", "3", "4", "5"),
    prompt="What score? {payload}",
    input_field="text",
    history_template="{text}",
)
MARKER = "Zanzibar"
RIGHT, WRONG = LAMP_2.labels[:2]


def write_tables(directory, num_questions=8):
    items = [
        {"user_id": "u", "item_id": str(row), "text": f"{MARKER} item {row}", "input": "i"}
        for row in range(6)
    ]
    questions = [
        {
            "question_id": f"q{row}",
            "user_id": "u",
            "split": "test",
            "input": "i",
            "payload": f"{MARKER} question {row}",
            "output": RIGHT,
            "history": [0, 1],
        }
        for row in range(num_questions)
    ]
    return write_histories(
        directory,
        pa.Table.from_pylist(items, schema=ITEM_SCHEMA),
        pa.Table.from_pylist(questions, schema=HISTORY_QUESTION_SCHEMA),
    )


def make_answers(persona, control, golds, entropies=None):
    rows = [
        {
            "question_id": f"q{row}",
            "user_id": "u",
            "arm": arm,
            "draw": 0,
            "prediction": answer,
            "gold": golds[row],
        }
        for arm, answers in (("persona", persona), ("instruction_only", control))
        for row, answer in enumerate(answers)
    ]
    attention = [
        {
            "question_id": f"q{row}",
            "entropy": entropy,
            "null_weight": 0.1,
            "top_rows": [5, 0],
            "top_weights": [0.5, 0.25],
        }
        for row, entropy in enumerate(entropies or [])
    ]
    return Answers(
        predictions=pa.Table.from_pylist(rows[::-1], schema=PREDICTION_SCHEMA),
        questions=QUESTION_SCHEMA.empty_table(),
        attention=pa.Table.from_pylist(attention[::-1], schema=ATTENTION_SCHEMA),
    )


def ids(examples):
    return [example.question_id for example in examples]


def test_equal_gains_are_ordered_by_sharp_weights_then_by_id(tmp_path):
    persona = [RIGHT, RIGHT, RIGHT, RIGHT, WRONG, WRONG, RIGHT]
    control = [WRONG, WRONG, WRONG, WRONG, RIGHT, RIGHT, RIGHT]
    entropies = [float("nan"), 0.9, 0.2, 0.2, 0.8, 0.1, 0.0]
    answers = make_answers(persona, control, [RIGHT] * 7, entropies)
    helped, hurt = pick_examples(answers, write_tables(tmp_path / "h"), LAMP_2)
    assert ids(helped) == ["q2", "q3", "q1", "q0"]
    assert ids(hurt) == ["q5", "q4"]
    assert {example.gain for example in helped} == {1.0}
    assert {example.gain for example in hurt} == {-1.0}


def test_an_example_shows_the_question_both_answers_and_the_items(tmp_path):
    answers = make_answers([RIGHT], [WRONG], [RIGHT], [0.3])
    (example,), hurt = pick_examples(answers, write_tables(tmp_path / "h"), LAMP_2)
    assert hurt == []
    assert example.payload == f"{MARKER} question 0"
    assert (example.gold, example.persona, example.instruction_only) == (RIGHT, RIGHT, WRONG)
    assert [(item.weight, item.text) for item in example.items] == [
        (0.5, f"{MARKER} item 5"),
        (0.25, f"{MARKER} item 0"),
    ]


def test_an_error_that_is_smaller_is_a_gain_and_the_largest_come_first(tmp_path):
    answers = make_answers(["5", "4", "1", "3"], ["1", "3", "5", "3"], ["5", "5", "5", "5"])
    helped, hurt = pick_examples(answers, write_tables(tmp_path / "h"), SCORE)
    assert [(example.question_id, example.gain) for example in helped] == [("q0", 4), ("q1", 1)]
    assert [(example.question_id, example.gain) for example in hurt] == [("q2", -4)]
    assert helped[0].items == []


def test_no_more_than_asked_for(tmp_path):
    answers = make_answers([RIGHT] * 8, [WRONG] * 8, [RIGHT] * 8)
    histories = write_tables(tmp_path / "h")
    assert ids(pick_examples(answers, histories, LAMP_2, num=3).helped) == ["q0", "q1", "q2"]


def test_nothing_is_picked_where_the_answers_score_the_same(tmp_path):
    answers = make_answers([RIGHT], [RIGHT], [RIGHT])
    assert pick_examples(answers, write_tables(tmp_path / "h"), LAMP_2) == ([], [])


def test_both_arms_must_have_answered_the_same_questions(tmp_path):
    answers = make_answers([RIGHT, RIGHT], [WRONG], [RIGHT, RIGHT])
    with pytest.raises(ValueError, match="persona answered 2 questions and instruction_only 1"):
        pick_examples(answers, write_tables(tmp_path / "h"), LAMP_2)
