"""The best answers to a belief, by hand and against a brute force."""

import itertools

import numpy as np
import pytest

from components.histories.best_answers import best_answers, expect_f1


def test_the_best_answers_are_mode_median_or_rounded_mean():
    beliefs = np.array([[0.45, 0.1, 0.05, 0.0, 0.4], [0.0, 0.0, 0.0, 0.0, 1.0]])
    assert best_answers(beliefs, "accuracy").tolist() == [0, 4]
    assert best_answers(beliefs, "mae").tolist() == [1, 4]  # 0.45, then 0.55
    assert best_answers(beliefs, "rmse").tolist() == [2, 4]  # the mean is 1.8


def test_macro_f1_asks_for_the_rare_label_where_it_is_likeliest():
    # The mode is 0 everywhere: 2 * 2.3 / 6.3 and 0, mean .365. With 1 for the first two the hits
    # are 1.24 and .94, the sizes 4.3 and 3.7, mean .542; for the first alone it is .519.
    beliefs = np.array([[0.51, 0.49], [0.55, 0.45], [0.6, 0.4], [0.64, 0.36]])
    best = best_answers(beliefs, "macro_f1")
    assert best.tolist() == [1, 1, 0, 0]
    assert expect_f1(beliefs, best)[0].mean() == pytest.approx(0.5424, abs=1e-4)


@pytest.mark.parametrize("seed", range(20))
def test_macro_f1_comes_close_to_a_brute_force(seed):
    beliefs = np.random.default_rng(seed).dirichlet([0.5, 0.3, 0.2], size=7)
    best = expect_f1(beliefs, best_answers(beliefs, "macro_f1"))[0].mean()
    every = itertools.product(range(3), repeat=7)
    highest = max(expect_f1(beliefs, np.array(answers))[0].mean() for answers in every)
    modes = expect_f1(beliefs, beliefs.argmax(axis=1))[0].mean()
    assert modes <= best <= highest + 1e-12
    assert best > highest - 0.03
