"""Drift between two profiles: by hand, planted, and where there is none."""

import numpy as np
import pytest

from components.lineage.config import DriftConfig
from components.lineage.data_profile import profile_data
from components.lineage.drift import DriftReport, compare_profiles, report_incomparable

from .populations import LABELS, Population, draw_population, write_population
from .profiles import NAMES, build_profile


def compare(champion=None, today=None, **thresholds):
    report = compare_profiles(
        champion or build_profile(), today or build_profile(), DriftConfig(**thresholds), "3"
    )
    return report, {measure.name: measure for measure in report.measures}


def test_a_profile_has_not_drifted_from_itself():
    report, measures = compare()
    assert (report.status, report.drifted) == ("stable", False)
    assert report.verdict == "The data have not drifted from the champion's (version 3)."
    assert [(m.name, m.status, m.distance) for m in measures.values()] == [
        (name, "stable", 0) for name in NAMES
    ]


def test_quantiles_by_hand():
    # A fifth of the texts is longer than any was; 1.628 * sqrt(2 / 800) at 99 %.
    today = build_profile(text_length=[float(n) for n in range(20, 120)])
    report, measures = compare(today=today)
    assert measures["text_length"].distance == pytest.approx(0.2)
    assert measures["text_length"].noise == pytest.approx(1.6276 * 0.05, rel=1e-4)
    assert (report.status, report.drifted) == ("drifted", True)
    assert report.verdict == (
        "The data have drifted from the champion's (version 3): text length by 0.20 (allowed 0.10)."
    )
    # 5 items each, then 6 for three tenths of the users: ties are one step.
    _, measures = compare(today=build_profile(items_per_user=[5.0] * 70 + [6.0] * 30))
    assert measures["items_per_user"].distance == pytest.approx(0.3)


def test_shares_by_hand():
    # From .5 .5 to .3 .4 and .3 that are no label: .3 went elsewhere.
    today = build_profile(label_shares={"a": 0.3, "b": 0.4})
    _, measures = compare(today=today)
    assert measures["label_shares"].distance == pytest.approx(0.3)
    # Of two labels the distance is |p - q|: normal, with p (1 - p) (1 / 800 + 1 / 200).
    other = build_profile(effective_sizes=dict.fromkeys(NAMES, 200.0))
    _, measures = compare(today=other)
    assert measures["label_shares"].noise == pytest.approx(2.576 * 0.5 * 0.00625**0.5, rel=0.06)


def test_a_label_that_is_new_is_a_difference():
    today = build_profile(label_shares={"b": 0.5, "c": 0.5})
    assert compare(today=today)[1]["label_shares"].distance == pytest.approx(0.5)


def test_vectors_by_hand():
    # .5 apart, in units of sqrt((.8^2 + .6^2) / 2); errors .64 / 800 and .36 / 200.
    today = build_profile(
        vector_mean=[0.3, 0.4], vector_spread=0.6, effective_sizes=dict.fromkeys(NAMES, 200.0)
    )
    measure = compare(today=today)[1]["vector_mean"]
    assert measure.distance == pytest.approx(0.5 / 0.5**0.5)
    assert measure.noise == pytest.approx(2.5758 * (0.0008 + 0.0018) ** 0.5 / 0.5**0.5)


def test_what_may_be_chance_is_no_drift_though_it_is_above_the_threshold():
    few = dict.fromkeys(NAMES, 50.0)  # 1.628 * sqrt(2 / 50) = .33
    today = build_profile(text_length=[float(n) for n in range(20, 120)], effective_sizes=few)
    champion = build_profile(effective_sizes=few)
    report, measures = compare(champion, today)
    assert measures["text_length"].distance > measures["text_length"].threshold
    assert (report.status, measures["text_length"].status) == ("stable", "stable")


def test_a_threshold_decides_what_is_no_chance():
    today = build_profile(text_length=[float(n) for n in range(20, 120)])
    assert compare(today=today, text_length=0.25)[0].status == "stable"
    assert compare(today=today, text_length=0.15)[0].status == "drifted"


def test_another_encoders_vectors_are_not_compared():
    today = build_profile(encoder_fingerprint="other", vector_mean=[1.0, 0.0, 0.0])
    report, measures = compare(today=today)
    assert measures["vector_mean"].status == "not_comparable"
    assert measures["vector_mean"].reason == "another encoder made the champion's vectors"
    assert (measures["vector_mean"].distance, measures["vector_mean"].noise) == (None, None)
    assert report.verdict == (
        "The data have not drifted from the champion's (version 3); "
        "not comparable: mean behavior vector."
    )


def test_a_task_without_labels_has_three_measures():
    texts = build_profile(label_shares={}, effective_sizes=dict.fromkeys(NAMES, 9.0))
    assert set(compare(texts, texts)[1]) == set(NAMES) - {"label_shares"}


@pytest.mark.parametrize("who", ["champion", "today"])
def test_too_few_users_are_said(who):
    empty = build_profile(effective_sizes=dict.fromkeys(NAMES, 0.0), items_per_user=[])
    report, measures = compare(**{who: empty})
    assert report.status == "not_comparable"
    assert report.verdict == (
        "Whether the data have drifted from the champion's (version 3) is not known: nothing is "
        "comparable."
    )
    whose = {"champion": "the champion's", "today": "today's"}[who]
    said = {measure.reason for measure in measures.values()}
    assert said == {f"fewer than two of {whose} users have any"}


def test_a_report_survives_being_stored():
    for report in (compare()[0], report_incomparable("there is no champion yet", build_profile())):
        assert DriftReport.model_validate_json(report.model_dump_json()) == report
    assert report.verdict == (
        "Whether the data have drifted is not known: there is no champion yet."
    )


def profile(directory, *populations: Population):
    return profile_data(*write_population(directory, populations), LABELS)


def test_halves_of_one_population_have_hardly_ever_drifted(tmp_path):
    """Even with thresholds of zero, which ask for all that is not chance, in each measure."""
    zero = DriftConfig(items_per_user=0, text_length=0, label_shares=0, vector_mean=0)
    drifted = dict.fromkeys(NAMES, 0)
    for seed in range(100):
        halves = [
            profile(tmp_path / f"{seed}-{half}", draw_population(150, seed=2 * seed + half))
            for half in (0, 1)
        ]
        for measure in compare_profiles(*halves, zero, "1").measures:
            drifted[measure.name] += measure.status == "drifted"
    assert max(drifted.values()) <= 5


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"more_items": 12}, {"items_per_user"}),
        ({"longer": 1.6}, {"text_length"}),
        ({"label_shift": 0.4}, {"label_shares"}),
        ({"vector_shift": 1.0}, {"vector_mean"}),
        ({}, set()),
    ],
    ids=str,
)
def test_a_planted_drift_is_found_and_nothing_else(tmp_path, changes, expected):
    before = profile(tmp_path / "before", draw_population(300, seed=1))
    after = profile(tmp_path / "after", draw_population(300, seed=2, **changes))
    report = compare_profiles(before, after, DriftConfig(), "1")
    assert {m.name for m in report.measures if m.status == "drifted"} == expected
    assert report.drifted is bool(expected)


@pytest.mark.parametrize("num_items", [3000, 30_000])
def test_one_user_with_most_items_is_no_drift_by_herself(tmp_path, num_items):
    usual = draw_population(150, seed=1)
    long = np.full(num_items, 990)
    hers = Population(
        np.full(num_items, 150), long, np.zeros(num_items, int), np.tile([0.0, 9.0], (num_items, 1))
    )
    before = profile(tmp_path / "before", usual)
    after = profile(tmp_path / "after", draw_population(150, seed=2), hers)
    report = compare_profiles(before, after, DriftConfig(), "1")
    far = {m.name for m in report.measures if m.distance > m.threshold}
    assert far == {"text_length", "label_shares", "vector_mean"}
    assert report.status == "stable"
