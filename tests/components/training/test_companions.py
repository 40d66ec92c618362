"""Which answers go with an item, counted by hand."""

import numpy as np
import pytest

from components.tasks.lamp import LAMP_2, LAMP_4
from components.training.companions import name_companions, weigh_companions

ITEMS = np.array([0, 2, 1, -1])
"""The labels of four history items, the last one without an output."""


def ask(times):
    """Return histories and answers: who has item 0 answers 0 or 1, who has item 1 answers 2."""
    histories = [np.array([0]), np.array([0]), np.array([1]), np.array([1])]
    return histories * times, np.array([0, 1, 2, 2] * times)


def test_weights_are_what_is_answered_more_often():
    # Of 256 answers 64 are 0, 64 are 1, 128 are 2. Item 0 is in 128 histories, where 0 is answered
    # 64 times and not 32: 32 more, and three standard errors are 3 sqrt(128 * .25 * .75) = 14.7.
    weights = weigh_companions(ITEMS, *ask(64), 3)
    assert weights.tolist() == [[0.5, 0.5, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


def test_what_may_be_chance_counts_as_none():
    # Item 0 in 16 histories: 4 more, within 3 sqrt(16 * .25 * .75) = 5.2. Item 1 in 16: 8 more than
    # half of them, above 3 sqrt(16 * .5 * .5) = 6.
    weights = weigh_companions(ITEMS, *ask(8), 3)
    assert weights.tolist() == [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


def test_a_question_counts_by_the_share_of_its_history():
    # Label 0 has all of 64 histories that answer 0, and a quarter of 64 that answer 1; 128 others,
    # without history, answer 2. More often than anybody: 64 * 1 - 80 / 4 = 44 times 0, 16 - 20 < 0
    # times 1. Label 1 has a quarter of the latter 64: 16 - 4 = 12 times 1.
    mixed = np.array([0, 2, 3, 3])
    histories = [np.array([0])] * 64 + [mixed] * 64 + [np.array([], dtype=np.int64)] * 128
    answers = np.repeat([0, 1, 2], [64, 64, 128])
    weights = weigh_companions(ITEMS, histories, answers, 3)
    assert weights.tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]


def test_another_users_history_tells_nothing():
    histories, answers = ask(64)
    order = np.random.default_rng(0).permutation(len(histories))
    weights = weigh_companions(ITEMS, [histories[row] for row in order], answers, 3)
    assert not weights.any()


def test_companions_have_names():
    histories, answers = ask(64)
    outputs = ["comedy", "action", "romance", None]
    given = [["comedy", "dark comedy", "action"][answer] for answer in answers]
    found = name_companions(LAMP_2, outputs, histories, given)
    assert found == {"comedy": {"comedy": 0.5, "dark comedy": 0.5}, "action": {"action": 1.0}}


@pytest.mark.parametrize(("task", "answer"), [(LAMP_2, "no tag"), (LAMP_4, "a headline")])
def test_answers_that_are_no_labels_go_with_nothing(task, answer):
    histories, answers = ask(64)
    assert name_companions(task, ["comedy"] * 4, histories, [answer] * len(answers)) == {}
