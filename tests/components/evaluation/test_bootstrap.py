"""The bootstrap: against scipy, against a slow plain one, and in time."""

import time

import numpy as np
import pytest
from scipy import stats

from components.evaluation.bootstrap import build_interval, resample_sums, sum_by_user


def test_sums_by_user():
    statistics = np.array([[1.0, 1], [2, 1], [4, 1]])
    assert sum_by_user(statistics, np.array([1, 0, 1])).tolist() == [[2, 1], [5, 2]]


def test_every_draw_is_a_resample_of_whole_users():
    # User 0 has one question (value 1), user 1 has two (10 together): each draw takes two users.
    statistics = np.array([[1.0, 1], [4, 1], [6, 1]])
    sums = resample_sums(statistics, np.array([0, 1, 1]), 4000, seed=0)
    drawn, counts = np.unique(sums, axis=0, return_counts=True)
    assert drawn.tolist() == [[2, 2], [11, 3], [20, 4]]
    assert counts / 4000 == pytest.approx([0.25, 0.5, 0.25], abs=0.03)


def test_the_interval_of_a_paired_difference_agrees_with_scipy():
    rng = np.random.default_rng(0)
    first = rng.normal(0.6, 1, 300)
    second = first - rng.normal(0.1, 0.3, 300)
    ones = np.ones(300)
    columns = np.column_stack([first, second, ones])
    sums = resample_sums(columns, np.arange(300), 4000, seed=1)
    draws = (sums[:, 0] - sums[:, 1]) / sums[:, 2]
    interval = build_interval((first - second).mean(), draws)
    expected = stats.bootstrap(
        (first, second),
        lambda a, b, axis: (a - b).mean(axis=axis),
        paired=True,
        method="percentile",
        n_resamples=4000,
        rng=2,
    ).confidence_interval
    assert interval.low == pytest.approx(expected.low, abs=0.004)
    assert interval.high == pytest.approx(expected.high, abs=0.004)
    assert interval.mean == pytest.approx((first - second).mean())


def test_questions_of_one_user_are_not_independent_evidence():
    rng = np.random.default_rng(3)
    values = np.repeat(rng.normal(size=50), 20)
    columns = np.column_stack([values, np.ones(1000)])
    by_user = resample_sums(columns, np.repeat(np.arange(50), 20), 2000, seed=0)
    by_question = resample_sums(columns, np.arange(1000), 2000, seed=0)
    spread, naive = ((sums[:, 0] / sums[:, 1]).std() for sums in (by_user, by_question))
    assert spread / naive == pytest.approx(np.sqrt(20), rel=0.1)


def test_the_seed_decides_and_the_other_columns_do_not():
    values = np.random.default_rng(0).normal(size=(40, 3))
    users = np.repeat(np.arange(10), 4)
    both = resample_sums(values, users, 50, seed=7)
    np.testing.assert_allclose(resample_sums(values[:, :1], users, 50, seed=7), both[:, :1])
    assert not np.allclose(resample_sums(values, users, 50, seed=8), both)


def test_no_questions_is_an_error():
    with pytest.raises(ValueError, match="0 questions"):
        resample_sums(np.empty((0, 2)), np.empty(0, dtype=np.int64), 10, seed=0)


def test_two_thousand_resamples_of_a_hundred_thousand_questions_take_under_five_seconds():
    rng = np.random.default_rng(0)
    statistics, users = rng.random((100_000, 12)), np.sort(rng.permutation(100_000) % 10_000)
    start = time.process_time()
    resample_sums(statistics, users, 2000, seed=0)
    assert time.process_time() - start < 5
