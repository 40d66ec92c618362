"""Metrics: numbers worked by hand, and agreement with scikit-learn."""

import numpy as np
import pytest
from rouge_score.rouge_scorer import RougeScorer
from sklearn.metrics import accuracy_score, f1_score, root_mean_squared_error

from components.evaluation.metrics import (
    compute_metric,
    encode_labels,
    finish_metric,
    higher_is_better,
    score_questions,
)
from components.tasks.task import Task

TEMPLATES = {"prompt": "{payload}", "input_field": "text", "history_template": "{text}"}
TAGS = Task(name="tags", kind="classification", labels=("Sci-Fi", "comedy", "war"), **TEMPLATES)
SCORES = Task(name="scores", kind="ordinal", labels=("1", "2", "3", "4", "5"), **TEMPLATES)
TITLES = Task(name="titles", kind="text", **TEMPLATES)


AWKWARD_LABELS = [
    (" Sci-Fi\n", "Sci-Fi", True),
    ("\u00a0comedy\u3000", "comedy", True),  # spaces too, to Python's strip
    ("sci-fi", "Sci-Fi", False),
    ("Comedy", "comedy", False),
    ("COMEDY", "comedy", False),
    ("comedy.", "comedy", False),
    ("comedy war", "comedy", False),
    ("drama", "war", False),
    ("", "war", False),
    ("\U0001f680", "war", False),
    ("wa\u0301r", "war", False),
    ("ｗａｒ", "war", False),  # noqa: RUF001
]


@pytest.mark.parametrize(("answer", "gold", "right"), AWKWARD_LABELS)
def test_a_label_is_right_only_as_it_is_written(answer, gold, right):
    assert compute_metric("accuracy", [answer], [gold], TAGS) == right


def test_awkward_answers_score_as_in_scikit_learn():
    answers, golds, _ = zip(*AWKWARD_LABELS, strict=True)
    stripped = [answer.strip() for answer in answers]
    expected = f1_score(golds, stripped, labels=TAGS.labels, average="macro", zero_division=0)
    assert compute_metric("macro_f1", answers, golds, TAGS) == pytest.approx(expected)
    assert compute_metric("accuracy", answers, golds, TAGS) == accuracy_score(golds, stripped)
    each = score_questions("accuracy", answers, golds, TAGS)
    assert [*each[:, 0]] == [
        accuracy_score([gold], [answer]) for gold, answer in zip(golds, stripped, strict=True)
    ]


def test_composed_and_combined_accents_are_two_labels():
    labels = ("\u00e9t\u00e9", "e\u0301te\u0301")
    task = Task(name="t", kind="classification", labels=labels, **TEMPLATES)
    assert encode_labels([*labels, "ÉTÉ", " été ", None], task).tolist() == [0, 1, -1, 0, -1]


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
        ("inf", "3", 2),
        ("9" * 170, "3", 2),  # its square is no float
        (" 4.0\n", "4", 0),
        ("4e0", "3", 1),
        ("-1", "1", 2),
        ("４", "2", 2),  # noqa: RUF001  # Python's float reads digits of all scripts
        ("score: 4", "2", 3),
        ("4/5", "4", 3),
        ("4.", "5", 1),
        ("four", "1", 4),
        ("④", "4", 3),
        ("4\u0301", "4", 3),
        ("\U0001f60a", "5", 4),
        ("   ", "3", 2),
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


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("", "A title"),
        ("...", "A title"),
        (" A title \n", "A title"),
        ("A TITLE", "a title"),
        ("titles", "title"),
        ("the the the", "the end of the road"),
        ("Café crème", "Cafe creme"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("\U0001f600 wow", "wow \U0001f600\U0001f600"),
        ("\uff11\uff12 steps", "12 steps"),
        ("state-of-the-art, e.g. BERT", "State of the art: BERT"),
        ("日本", "日本"),
        ("road the of end", "the end of the road"),
    ],
)
def test_rouge_of_each_question_is_rouge_scores(answer, gold):
    expected = RougeScorer(["rouge1", "rougeL"]).score(gold.strip(), answer.strip())
    for metric, name in (("rouge_1", "rouge1"), ("rouge_l", "rougeL")):
        [[value, count]] = score_questions(metric, [answer], [gold], TITLES)
        assert (value, count) == (expected[name].fmeasure, 1)


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
    with pytest.raises(ValueError, match="differ only in space"):
        task = Task(name="t", kind="classification", labels=("A", "A "), **TEMPLATES)
        compute_metric("accuracy", ["a"], ["a"], task)
