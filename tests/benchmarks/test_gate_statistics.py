"""The simulated candidates are as bad, or as good, as the benchmark says."""

import numpy as np
import pytest

from benchmarks.gate_statistics import CONFIG, FALSE, REAL, Outcome, run_trials, simulate_answers


@pytest.mark.parametrize("case", [*FALSE, REAL])
def test_arms_differ_by_what_the_case_says(case):
    right, users = simulate_answers(40_000, case, np.random.default_rng(0))
    persona, plain, shuffled, champion = right.mean(axis=0)
    assert persona - plain == pytest.approx(case.effect, abs=0.005)
    assert plain - shuffled == pytest.approx(0.2, abs=0.005)
    margin = CONFIG.margin_share * champion
    assert champion - persona == pytest.approx(case.lead * margin, abs=0.005)
    questions = np.bincount(users)
    assert np.quantile(questions, 0.99) > 5 * np.median(questions)  # a heavy tail
    assert np.corrcoef(right[:, 0], right[:, 1])[0, 1] > 0.2  # paired


def test_what_is_surely_better_is_promoted():
    assert run_trials(REAL, 700, trials=3, num_draws=200, seed=0).promotions == 3


def test_clopper_pearson_by_hand():
    # None of ten: 1 - 0.025 ** (1 / 10).
    assert Outcome(REAL, 20, 0, 10).high == pytest.approx(0.3085, abs=1e-4)
    assert Outcome(REAL, 20, 10, 10).high == 1.0
