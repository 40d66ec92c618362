"""The simulated candidates are as bad, or as good, as the benchmark says."""

import numpy as np
import pytest

from benchmarks.gate_statistics import (
    FALSE,
    MARGIN,
    REAL,
    SHORT_MARGIN,
    SHORT_SHARE,
    Outcome,
    run_trials,
    simulate_answers,
)


@pytest.mark.parametrize("case", [*FALSE, REAL])
def test_arms_differ_by_what_the_case_says(case):
    right, users = simulate_answers(40_000, case, np.random.default_rng(0))
    mean = {key: values.mean() for key, values in right.items()}
    plain = mean["all", "instruction_only"]
    assert mean["all", "persona"] - plain == pytest.approx(case.effect, abs=0.005)
    assert plain - mean["all", "shuffled"] == pytest.approx(0.2, abs=0.005)
    champion = mean["all", "champion"]
    lead = champion - mean["all", "persona"]
    assert lead == pytest.approx(case.lead * MARGIN * champion, abs=0.005)
    for cut in ("history_0", "history_1", "history_4"):
        assert mean[cut, "instruction_only"] == plain
        gain = mean[cut, "persona"] - plain
        assert gain == pytest.approx(SHORT_SHARE * case.effect, abs=0.005)
        lead = mean[cut, "champion"] - mean[cut, "persona"]
        expected = case.lead * MARGIN if case.short_lead is None else case.short_lead * SHORT_MARGIN
        assert lead == pytest.approx(expected * mean[cut, "champion"], abs=0.005)
    questions = np.bincount(users)
    assert np.quantile(questions, 0.99) > 5 * np.median(questions)  # a heavy tail
    both = right["all", "persona"], right["all", "instruction_only"]
    assert np.corrcoef(*both)[0, 1] > 0.2  # paired


def test_what_is_surely_better_is_promoted():
    assert run_trials(REAL, 700, trials=3, num_draws=200, seed=0).promotions == 3


def test_clopper_pearson_by_hand():
    # None of ten: 1 - 0.025 ** (1 / 10).
    assert Outcome(REAL, 20, 0, 10).high == pytest.approx(0.3085, abs=1e-4)
    assert Outcome(REAL, 20, 10, 10).high == 1.0
