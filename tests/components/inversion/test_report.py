"""Rates with Wilson's interval."""

import pytest

from components.inversion.report import estimate_rate


@pytest.mark.parametrize(
    ("shares", "value", "low", "high"),
    [
        # (.5 + 3.841 / 200 -+ 1.96 sqrt(.25 / 100 + 3.841 / 40000)) / (1 + 3.841 / 100)
        ([0, 1] * 50, 0.5, 0.4038, 0.5962),
        ([0.25, 0.75] * 50, 0.5, 0.4038, 0.5962),
        # 10 / (10 + 3.841), and what is left of 1
        ([True] * 10, 1.0, 0.7225, 1.0),
        ([False] * 10, 0.0, 0.0, 0.2775),
    ],
)
def test_a_rate_by_hand(shares, value, low, high):
    rate = estimate_rate(shares)
    assert (rate.value, rate.low, rate.high) == pytest.approx((value, low, high), abs=1e-4)
