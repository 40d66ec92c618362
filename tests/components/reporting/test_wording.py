"""Numbers as readers see them."""

from components.evaluation.evaluation import ARMS, Interval, Judge
from components.reporting.wording import (
    ARM_WORDS,
    JUDGE_WORDS,
    METRIC_WORDS,
    format_range,
    format_signed,
)
from components.tasks.task import METRICS


def test_differences_carry_their_sign():
    assert format_signed(0.0123) == "+0.012"
    assert format_signed(-0.5) == "\N{MINUS SIGN}0.500"
    assert format_signed(0.0) == format_signed(-0.0001) == "0.000"
    assert format_range(Interval(mean=0, low=-0.25, high=0.125), True) == (
        "\N{MINUS SIGN}0.250 to +0.125"
    )


def test_every_arm_judge_and_metric_has_words():
    assert set(ARM_WORDS) == set(ARMS)
    assert set(JUDGE_WORDS) == set(Judge.__args__)
    assert set(METRIC_WORDS) == {metric for metrics in METRICS.values() for metric in metrics}


def test_abbreviations_keep_their_capitals_within_a_sentence():
    assert METRIC_WORDS["rouge_1"].name_within == "ROUGE-1"
    assert METRIC_WORDS["macro_f1"].name_within == "macro F1"
