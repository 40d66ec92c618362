"""Figures hold whatever the figures are."""

import itertools
import re

import pytest

from components.evaluation.evaluation import ARMS, Cost
from components.reporting.figures.costs import draw_costs
from components.reporting.figures.curves import draw_curves
from components.reporting.figures.drift import draw_drift
from components.reporting.figures.history_gain import list_history_slices
from components.reporting.figures.label_column import spread
from tests.components.lineage.profiles import build_profile

from .evaluations import build_rich_evaluation


def test_labels_that_touch_are_moved_apart_as_little_as_possible():
    assert spread([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])
    assert spread([0.1, 0.5, 0.9], 0.1) == pytest.approx([0.1, 0.5, 0.9])
    assert spread([0.0, 0.0, 0.9], 0.1) == pytest.approx([0.0, 0.1, 0.9])
    assert spread([1.0, 1.0], 0.1) == pytest.approx([0.9, 1.0])
    assert spread([0.3], 0.1) == [0.3]
    assert spread([0.5] * 5, 0.9) == pytest.approx([0, 0.25, 0.5, 0.75, 1])


def find_labels(svg):
    """Return the places of the arms' labels, (x, y) in points."""
    texts = re.findall(r"<text[^>]*?>[^<]*</text>", svg)
    labels = [text for text in texts if re.sub(r"<.*?>", "", text) in ARMS]
    places = [re.search(r' x="([\d.]+)" y="([\d.]+)"', text) for text in labels]
    return [(float(place[1]), float(place[2])) for place in places]


def test_no_label_of_an_arm_lies_on_another_though_all_arms_cost_and_do_the_same():
    rich = build_rich_evaluation()
    same = {arm: rich.arms["base"] for arm in ARMS}
    cost = Cost(seconds_per_question=0.1, bytes_per_user=0)
    evaluation = rich.model_copy(update={"arms": same, "costs": dict.fromkeys(ARMS, cost)})
    for svg in draw_costs(evaluation).values():
        places = find_labels(svg)
        assert len(places) == 2 * len(ARMS)
        for (x, y), (other_x, other_y) in itertools.combinations(places, 2):
            assert abs(x - other_x) > 100 or abs(y - other_y) > 9


def test_no_bytes_stand_in_a_column_of_their_own():
    svg = draw_costs(build_rich_evaluation())["wide"]
    assert ">none</text>" in svg
    costs = dict.fromkeys(ARMS, Cost(bytes_per_user=3000))
    svg = draw_costs(build_rich_evaluation(costs=costs))["wide"]
    assert ">none</text>" not in svg


def test_history_slices_are_in_order_of_length():
    parts = build_rich_evaluation().slices
    shuffled = {name: parts[name] for name in reversed(parts)}
    shuffled["history_128"] = parts["history_16"]
    evaluation = build_rich_evaluation(slices=shuffled)
    assert list(list_history_slices(evaluation)) == ["0", "1", "4", "16", "128", "all"]


@pytest.mark.parametrize("number", [1, 4, 8])
def test_every_curve_has_its_panel(number):
    curves = {f"arm_{place}": [{"step": 1, "loss": 2.0}] for place in range(number)}
    for svg in draw_curves(curves).values():
        assert re.findall(r">(arm_\d)</text>", svg) == list(curves)


def test_curves_of_then_and_now_have_readable_scales_and_only_what_both_have():
    """Histories of 0 to 990 items need a log scale, texts of 100 to 199 characters do not."""
    then = build_profile(items_per_user=[10.0 * n for n in range(100)])
    now = build_profile(text_length=[100.0 + n for n in range(100)])
    for svg in draw_drift(then.model_copy(update={"text_length": now.text_length}), now).values():
        assert "items a user, log scale<" in svg
        assert ">1,000<" in svg or ">300<" in svg
        assert "characters an item<" in svg
        assert ">share of outputs<" in svg
    bare = build_profile(text_length=[], label_shares={})
    for svg in draw_drift(then, bare).values():
        assert "items a user" in svg
        assert "characters" not in svg
        assert "share of outputs" not in svg


def test_of_many_labels_those_are_drawn_whose_shares_changed_most():
    names = [f"label-{place:02d}" for place in range(20)]
    then = build_profile(label_shares={name: 0.05 for name in names})
    shares = {name: 0.05 + (0.001 + 0.001 * n) * (-1) ** n for n, name in enumerate(names)}
    for svg in draw_drift(then, build_profile(label_shares=shares)).values():
        assert set(re.findall(r">(label-\d\d)<", svg)) == set(names[8:])
        assert "12 labels that changed most" in svg
