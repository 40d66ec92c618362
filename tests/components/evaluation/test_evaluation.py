"""What may be said of an evaluation."""

import pytest

from components.evaluation.evaluation import Evaluation, Interval, is_better, is_worse


def build_evaluation(metric="accuracy", num_users=30, **bounds):
    """Persona minus each arm, as (low, high)."""
    figure = {metric: Interval(mean=0.5, low=0.4, high=0.6)}
    differences = {
        f"persona_vs_{arm}": {metric: Interval(mean=(low + high) / 2, low=low, high=high)}
        for arm, (low, high) in bounds.items()
    }
    return Evaluation(
        task="tags",
        split="test",
        num_questions=100,
        num_users=num_users,
        arms={arm: figure for arm in ("persona", *bounds)},
        differences=differences,
    )


@pytest.mark.parametrize(
    ("metric", "instruction_only", "shuffled", "personalizes"),
    [
        ("accuracy", (0.01, 0.2), (0.01, 0.2), True),
        ("accuracy", (0.01, 0.2), (0.0, 0.2), False),
        ("accuracy", (-0.01, 0.2), (0.01, 0.2), False),
        ("mae", (-0.2, -0.01), (-0.2, -0.01), True),
        ("mae", (0.01, 0.2), (0.01, 0.2), False),
    ],
)
def test_it_personalizes_only_where_persona_beats_both_controls(
    metric, instruction_only, shuffled, personalizes
):
    evaluation = build_evaluation(metric, instruction_only=instruction_only, shuffled=shuffled)
    assert evaluation.primary_metric == metric
    assert evaluation.personalizes is personalizes


def test_of_a_handful_of_users_nothing_is_said():
    sure = {"instruction_only": (0.01, 0.2), "shuffled": (0.01, 0.2)}
    assert build_evaluation(num_users=30, **sure).personalizes
    assert not build_evaluation(num_users=29, **sure).personalizes


def test_a_control_that_was_not_evaluated_is_not_beaten():
    assert not build_evaluation(instruction_only=(0.1, 0.2)).personalizes


def test_better_and_worse_follow_the_metrics_direction():
    up, unclear = (Interval(mean=0.1, low=low, high=0.2) for low in (0.05, -0.01))
    assert is_better("accuracy", up)
    assert is_worse("mae", up)
    assert not is_worse("accuracy", up)
    assert not is_better("mae", up)
    assert not any(judge(m, unclear) for judge in (is_better, is_worse) for m in ("mae", "rouge_1"))


def test_figures_that_are_no_numbers_and_unknown_fields_are_refused():
    with pytest.raises(ValueError, match="finite"):
        Interval(mean=float("nan"), low=0, high=1)
    with pytest.raises(ValueError, match="extra"):
        Evaluation.model_validate(build_evaluation().model_dump() | {"verdict": "good"})
    with pytest.raises(ValueError, match="no arm"):
        build_evaluation().model_validate(build_evaluation().model_dump() | {"arms": {}})
