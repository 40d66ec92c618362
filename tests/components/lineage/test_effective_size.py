"""The effective number of items, worked by hand and against its two limits."""

import numpy as np
import pytest

from components.lineage.effective_size import count_effective


def count(values_NK, users_N):
    """Count by way of sums, as the profile does."""
    counts_U = np.bincount(users_N)
    sums_UK = np.zeros((len(counts_U), values_NK.shape[1]))
    np.add.at(sums_UK, users_N, values_NK)
    return count_effective(sums_UK, counts_U, float(np.square(values_NK).sum()))


def test_items_of_two_users_by_hand():
    # Mean 2, squares around it 4 + 0 + 4. User 0's sum lies -2 off, user 1's 2; each holds half,
    # or two thirds and one third.
    values = np.array([[0.0], [2.0], [4.0]])
    assert count(values, np.array([0, 0, 1])) == pytest.approx(3 * 8 / (36 + 2.25 * 4))


def test_it_is_the_variance_of_the_mean_that_shows_over_many_samples():
    """Users who are alike within: the number of items that would vary as the mean does."""
    generator = np.random.default_rng(0)
    users = np.repeat(np.arange(60), generator.integers(1, 20, 60))

    def draw():
        return (generator.normal(size=60)[users] + generator.normal(size=len(users)))[:, None]

    samples = [draw() for _ in range(2000)]
    shown = 2.0 / np.var([sample.mean() for sample in samples])
    counted = np.median([count(sample, users) for sample in samples])
    assert counted == pytest.approx(shown, rel=0.15)
    assert 60 < counted < len(users) / 3


def test_items_that_are_all_their_users_count_as_kish_says():
    users = np.repeat(np.arange(200), 1 + np.arange(200) % 9)
    values = np.random.default_rng(1).normal(size=200)[users][:, None]
    counts = np.bincount(users)
    kish = counts.sum() ** 2 / np.square(counts).sum()
    assert count(values, users) == pytest.approx(kish, rel=0.1)


def test_items_that_know_nothing_of_users_count_each():
    users = np.repeat(np.arange(500), 10)
    values = np.random.default_rng(2).normal(size=(5000, 20))
    assert count(values, users) == pytest.approx(5000, rel=0.05)


def test_one_user_unlike_the_rest_counts_less_than_one():
    """However many items she has: leaving her out moves the mean as far as she did."""
    users = np.repeat(np.arange(101), [10] * 100 + [9000])
    values = (users == 100).astype(float)[:, None]
    # A share .9 of p (1 - p) = .09 over .9^2.
    assert count(values, users) == pytest.approx(0.09 / 0.81, rel=0.02)


def test_nothing_is_said_of_one_user_and_little_of_users_who_never_differ():
    assert count(np.ones((5, 1)), np.zeros(5, np.int64)) == 0
    assert count(np.zeros((0, 1)), np.zeros(0, np.int64)) == 0
    assert count(np.ones((6, 1)), np.array([0, 0, 1, 1, 2, 2])) == 3
