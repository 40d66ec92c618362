"""The simulated candidates are as bad, or as good, as the benchmark says."""

import numpy as np
import pytest

from benchmarks.gate_statistics import (
    FALSE,
    LARGEST,
    MARGIN,
    REAL,
    SHORT_MARGIN,
    SHORT_SHARE,
    Outcome,
    Population,
    run_trials,
    simulate_answers,
)


@pytest.mark.parametrize("case", [*FALSE, REAL])
def test_arms_differ_by_what_the_case_says(case):
    right, users = simulate_answers(Population(40_000), case, np.random.default_rng(0))
    assert set(np.unique(right["all", "instruction_only"])) == {0.0, 1.0}
    quality = {key: -v if case.metric == "mae" else v for key, v in right.items()}
    mean = {key: values.mean() for key, values in quality.items()}
    plain = mean["all", "instruction_only"]
    champion = mean["all", "champion"]
    lead = champion - mean["all", "persona"]
    assert lead == pytest.approx(case.lead * MARGIN * abs(champion), abs=0.005)
    # Rare losses in MAE are taken from persona, in accuracy they are added to the champion.
    taken = lead if case.metric == "mae" else 0.0
    assert mean["all", "persona"] + taken - plain == pytest.approx(case.effect, abs=0.005)
    assert plain - mean["all", "shuffled"] == pytest.approx(0.2, abs=0.005)
    for cut in ("history_0", "history_1", "history_4"):
        assert mean[cut, "instruction_only"] == plain
        gain = mean[cut, "persona"] - plain
        assert gain == pytest.approx(SHORT_SHARE * case.effect, abs=0.005)
        lead = mean[cut, "champion"] - mean[cut, "persona"]
        expected = case.lead * MARGIN if case.short_lead is None else case.short_lead * SHORT_MARGIN
        assert lead == pytest.approx(expected * abs(mean[cut, "champion"]), abs=0.005)
    questions = np.bincount(users)
    assert np.quantile(questions, 0.99) > 5 * np.median(questions)  # a heavy tail
    both = right["all", "persona"], right["all", "instruction_only"]
    assert np.corrcoef(*both)[0, 1] > 0.2  # paired


def test_rare_losses_are_rare():
    for case in (case for case in FALSE if case.is_rare):
        right, _ = simulate_answers(Population(40_000), case, np.random.default_rng(0))
        lost = right["all", "persona"] != right["all", "champion"]
        assert 0.0005 < lost.mean() < 0.015
        if case.metric == "mae":
            assert set(right["all", "persona"][lost] - right["all", "champion"][lost]) == {4.0}


def test_users_may_ask_once():
    _, users = simulate_answers(Population(50, asks_once=True), REAL, np.random.default_rng(0))
    assert users.tolist() == list(range(50))


def test_what_is_surely_better_is_promoted():
    assert run_trials(REAL, LARGEST, trials=3, num_draws=200, seed=0).promotions == 3


def test_clopper_pearson_by_hand():
    # None of ten: 1 - 0.025 ** (1 / 10).
    assert Outcome(REAL, Population(20), 0, 10).high == pytest.approx(0.3085, abs=1e-4)
    assert Outcome(REAL, Population(20), 10, 10).high == 1.0
