"""The bootstrap: against scipy, against a slow plain one, and in time."""

import time

import numpy as np
import pytest
from scipy import stats

from components.evaluation.bootstrap import (
    ALPHA,
    build_interval,
    compute_p_value,
    count_effective_users,
    expand_level,
    resample_sums,
    sum_by_user,
)


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


def draw_ratios(columns, users, num_draws, seed):
    sums = resample_sums(columns, users, num_draws, seed)
    return (sums[:, 0] - sums[:, 1]) / sums[:, 2]


def test_intervals_of_paired_differences_agree_with_scipys_over_users():
    """Users are the unit; scipy reads its percentiles at the expanded level."""
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(120), 1 + rng.poisson(3, 120))
    first = rng.normal(0.6, 1, len(users)) + rng.normal(0, 0.3, 120)[users]
    columns = np.column_stack([first, first - rng.normal(0.1, 0.3, len(users)), first**0])
    n = count_effective_users(users)
    draws = draw_ratios(columns, users, 8000, seed=1)
    interval = build_interval(0.1, draws, n)
    per_user = sum_by_user(columns, users).T
    expected = stats.bootstrap(
        tuple(per_user),
        lambda a, b, n, axis: (a.sum(axis) - b.sum(axis)) / n.sum(axis),
        paired=True,
        method="percentile",
        confidence_level=1 - 2 * expand_level(0.025, n),
        n_resamples=8000,
        rng=2,
    ).confidence_interval
    width = expected.high - expected.low
    assert interval.low == pytest.approx(expected.low, abs=0.03 * width)
    assert interval.high == pytest.approx(expected.high, abs=0.03 * width)
    assert interval.mean == 0.1


def test_the_expanded_level_by_hand():
    # Student's 2.5 % quantile with 9 degrees of freedom is -2.2622; times sqrt(10 / 9): -2.3846.
    assert expand_level(0.025, 10) == pytest.approx(stats.norm.cdf(-2.3846), rel=1e-3)
    assert expand_level(0.025, 1e9) == pytest.approx(0.025)


def test_kishs_number_of_users_by_hand():
    assert count_effective_users(np.array([0, 0, 1, 1, 2, 2])) == 3
    # One of four users asks seven of ten questions: 100 / (49 + 1 + 1 + 1).
    assert count_effective_users(np.array([0] * 7 + [1, 2, 3])) == 2.0
    assert count_effective_users(np.array([0] * 6 + [1, 2, 3] * 2)) == pytest.approx(144 / 48)


@pytest.mark.parametrize("effective_users", [5, 12.5, 40, 1000])
def test_a_test_rejects_where_its_interval_excludes(effective_users):
    rng = np.random.default_rng(0)
    for shift in np.linspace(0.5, 4.5, 41):
        draws = rng.normal(shift, 1, 2000)
        rejects = compute_p_value(draws, effective_users) <= ALPHA
        assert rejects == (build_interval(shift, draws, effective_users).low > 0)


def test_p_values_by_hand():
    # 50 of 1,999 draws at or below zero: 51 / 2000, as good as its own p-value of many users.
    draws = np.concatenate([np.zeros(50), np.ones(1949)])
    assert compute_p_value(draws, 1e9) == pytest.approx(0.0255, rel=1e-3)
    # Of five users: Student's tail, 4 degrees of freedom, at z(.0255) * sqrt(4 / 5) = -1.7460.
    assert compute_p_value(draws, 5) == pytest.approx(stats.t.cdf(-1.7460, 4), rel=1e-3)
    assert compute_p_value(np.ones(1999), 1e9) == pytest.approx(1 / 2000, rel=1e-3)
    assert compute_p_value(np.zeros(10), 5) == 1
    # A draw that is no number is not better: as the 50 zeros above.
    broken = np.concatenate([np.full(50, np.nan), np.ones(1949)])
    assert compute_p_value(broken, 1e9) == compute_p_value(draws, 1e9)


def test_very_few_users_never_reject_and_have_students_interval():
    draws = np.random.default_rng(0).normal(10, 1, 2000)
    assert compute_p_value(draws, 3) > ALPHA
    interval = build_interval(10, draws, 3)
    assert 10 - interval.low == pytest.approx(1.5**0.5 * 4.3027 * draws.std(), rel=1e-4)
    assert interval.high - 10 == pytest.approx(10 - interval.low)


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
