"""Examples are the questions with their users' vectors; dropout is seeded."""

import numpy as np

from components.llm.config import LLMConfig
from components.training.config import TrainingConfig
from components.training.examples import TrainingExamples, build_examples
from components.user_embedder.collator import Example

HISTORY = np.arange(24, dtype=np.float16).reshape(12, 2)


def present(seed=0, epoch=0, dropout=1.0, newest=8, num_questions=30, empty=0.0):
    """Return which items (by the half of their first number) each question's presentation keeps."""
    examples = [Example("ask", "pay", HISTORY, "a")] * num_questions
    config = TrainingConfig(history_dropout=dropout, empty_rate=empty)
    shown = TrainingExamples(examples, config, newest, seed)
    shown.set_epoch(epoch)
    return [tuple((shown[index].history[:, 0] / 2).astype(int)) for index in range(len(shown))]


def test_dropout_is_seeded_by_run_epoch_and_question():
    first = present()
    assert present() == first
    assert present(num_questions=5) == first[:5]
    assert present(seed=1) != first
    assert present(epoch=1) != first
    assert len(set(first)) > 15


def test_half_to_all_of_the_newest_items_are_kept_in_order():
    kept = present(num_questions=200)
    assert {len(rows) for rows in kept} == {4, 5, 6, 7, 8}
    assert {row for rows in kept for row in rows} == set(range(4, 12))
    assert all(list(rows) == sorted(rows) for rows in kept)


def test_without_dropout_the_newest_items_are_whole():
    assert set(present(dropout=0.0)) == {tuple(range(4, 12))}
    assert set(present(dropout=0.0, newest=99)) == {tuple(range(12))}


def test_some_presentations_are_of_a_user_without_history():
    kept = present(num_questions=400, empty=0.25)
    assert 70 < kept.count(()) < 130
    assert {len(rows) for rows in kept} == {0, 4, 5, 6, 7, 8}
    assert set(present(empty=1.0)) == {()}


def test_examples_hold_the_vectors_of_their_own_history(artifacts):
    questions, vectors = artifacts.histories.questions, artifacts.vectors.open()
    rows = [0, 5, len(questions) - 1]
    for reads in ("input", "payload"):
        examples = build_examples(questions, vectors, rows, LLMConfig(reads=reads))
        for row, example in zip(rows, examples, strict=True):
            question = questions[row]
            assert example.prompt == question[reads]
            assert (example.payload, example.answer) == (question["payload"], question["output"])
            np.testing.assert_array_equal(example.history, vectors[question["history"]])
            users = {artifacts.histories.items[item]["user_id"] for item in question["history"]}
            assert users == {question["user_id"]}
