"""Numbers as readers see them."""

from components.evaluation.evaluation import ARMS, Interval, Judge, Status
from components.reporting.wording import (
    ARM_WORDS,
    JUDGE_WORDS,
    METRIC_WORDS,
    STATUS_WORDS,
    format_bytes,
    format_range,
    format_seconds,
    format_share,
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
    assert set(STATUS_WORDS) == set(Status.__args__)
    assert set(METRIC_WORDS) == {metric for metrics in METRICS.values() for metric in metrics}


def test_abbreviations_keep_their_capitals_within_a_sentence():
    assert METRIC_WORDS["rouge_1"].name_within == "ROUGE-1"
    assert METRIC_WORDS["macro_f1"].name_within == "macro F1"


def test_costs_carry_the_unit_that_suits_them():
    times = (0, 2e-7, 0.0123, 0.0996, 1, 99.6, 200, 7200)
    assert [format_seconds(seconds) for seconds in times] == [
        "0",
        "0.2 \N{MICRO SIGN}s",
        "12 ms",
        "100 ms",
        "1 s",
        "1.7 min",
        "3.3 min",
        "2 h",
    ]
    assert [format_bytes(size) for size in (0, 44, 3072, 2.6e6, 1e9)] == [
        "0",
        "44 B",
        "3.1 kB",
        "2.6 MB",
        "1 GB",
    ]


def test_shares_are_percents():
    assert format_share(0.125) == "12.5 %"
    assert format_share(-0.0501, signed=True) == "\N{MINUS SIGN}5.0 %"
    assert format_share(0.05, signed=True) == "+5.0 %"
    assert format_share(-0.0001, signed=True) == "0.0 %"
