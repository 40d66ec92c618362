"""Metrics: numbers worked by hand, and agreement with scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, root_mean_squared_error

from components.evaluation.metrics import (
    compute_metric,
    finish_metric,
    higher_is_better,
    score_questions,
)
from components.tasks.task import Task

TEMPLATES = {"prompt": "{payload}", "input_field": "text", "history_template": "{text}"}
TAGS = Task(name="tags", kind="classification", labels=("Sci-Fi", "comedy", "war"), **TEMPLATES)
SCORES = Task(name="scores", kind="ordinal", labels=("1", "2", "3", "4", "5"), **TEMPLATES)
TITLES = Task(name="titles", kind="text", **TEMPLATES)


def test_accuracy_ignores_case_and_space_and_counts_unknown_answers_as_wrong():
    answers = [" sci-fi\n", "COMEDY", "drama", ""]
    golds = ["Sci-Fi", "comedy", "war", "war"]
    assert compute_metric("accuracy", answers, golds, TAGS) == 0.5


def test_macro_f1_by_hand():
    # Sci-Fi: tp 1, fp 1, fn 0: F1 2/3. comedy: tp 1, fn 1: 2/3. war: fn 1: 0.
    answers = ["Sci-Fi", "comedy", "Sci-Fi", "something else"]
    golds = ["Sci-Fi", "comedy", "comedy", "war"]
    assert compute_metric("macro_f1", answers, golds, TAGS) == pytest.approx(4 / 9)


def test_agrees_with_scikit_learn_where_answers_lie_outside_the_labels_and_labels_are_absent():
    rng = np.random.default_rng(0)
    answers = rng.choice(["Sci-Fi", "comedy", "war", "nonsense"], 200).tolist()
    golds = rng.choice(["Sci-Fi", "comedy"], 200).tolist()
    expected = f1_score(golds, answers, labels=TAGS.labels, average="macro", zero_division=0)
    assert compute_metric("macro_f1", answers, golds, TAGS) == pytest.approx(expected)
    assert compute_metric("accuracy", answers, golds, TAGS) == accuracy_score(golds, answers)


def test_sums_over_any_questions_give_the_metric_of_these_questions():
    rng = np.random.default_rng(1)
    answers, golds = (rng.choice(["1", "2", "5"], 50).tolist() for _ in range(2))
    statistics = score_questions("rmse", answers, golds, SCORES)
    expected = root_mean_squared_error([*map(int, golds[:20])], [*map(int, answers[:20])])
    assert finish_metric("rmse", statistics[:20].sum(axis=0)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("answer", "gold", "error"),
    [
        ("4", "2", 2),
        ("4.0", "4", 0),
        ("7", "5", 2),
        ("good", "4", 3),
        ("", "2", 3),
        ("nan", "3", 2),
    ],
)
def test_an_ordinal_answer_that_is_no_number_is_the_farther_end(answer, gold, error):
    assert compute_metric("mae", [answer], [gold], SCORES) == error
    assert compute_metric("rmse", [answer], [gold], SCORES) == error


def test_rouge_by_hand_without_stemming():
    # 2 of 3 predicted words among 4 expected ones: P 2/3, R 1/2, F 4/7; in order too: "big win".
    answers, golds = ["big win today"], ["A big surprise win"]
    assert compute_metric("rouge_1", answers, golds, TITLES) == pytest.approx(4 / 7)
    assert compute_metric("rouge_l", answers, golds, TITLES) == pytest.approx(4 / 7)
    assert compute_metric("rouge_l", ["win big"], ["big win"], TITLES) == pytest.approx(1 / 2)
    assert compute_metric("rouge_1", ["wins"], ["win"], TITLES) == 0
    assert compute_metric("rouge_1", ["", "x"], ["win", "x"], TITLES) == 0.5


def test_direction():
    assert [higher_is_better(m) for m in ("accuracy", "macro_f1", "rouge_1", "rouge_l")] == [
        True
    ] * 4
    assert not higher_is_better("mae")
    assert not higher_is_better("rmse")


def test_what_is_wrong_is_named():
    with pytest.raises(ValueError, match="'drama' is none of the labels"):
        compute_metric("accuracy", ["war"], ["drama"], TAGS)
    with pytest.raises(ValueError, match="'good' of task scores is no number"):
        compute_metric("mae", ["4"], ["good"], SCORES)
    with pytest.raises(ValueError, match="not 'mae'"):
        compute_metric("mae", ["war"], ["war"], TAGS)
    with pytest.raises(ValueError, match="no questions"):
        compute_metric("accuracy", [], [], TAGS)
    with pytest.raises(ValueError, match="differ only in case"):
        task = Task(name="t", kind="classification", labels=("A", "a"), **TEMPLATES)
        compute_metric("accuracy", ["a"], ["a"], task)
