"""The sentence on top says no more than the controls show."""

import pytest

from components.reporting.verdict import write_verdict

from .evaluations import build_evaluation


@pytest.mark.parametrize("metric", ["accuracy", "mae"])
@pytest.mark.parametrize(
    ("gains", "personalizes"),
    [
        ((0.3, 0.3), True),
        ((0.3, 0.01), False),
        ((0.01, 0.3), False),
        ((-0.3, -0.3), False),
    ],
)
def test_it_personalizes_is_said_only_where_both_controls_are_beaten(metric, gains, personalizes):
    verdict = write_verdict(build_evaluation(metric, gains))
    assert ("It personalizes" in verdict) is personalizes
    assert ("Personalization is not shown" in verdict) is not personalizes


def test_the_sentences():
    assert write_verdict(build_evaluation("mae", (0.1, 0.2))) == (
        "It personalizes: mean absolute error is 0.600 with the users' own histories, against "
        "0.700 with an instruction embedding without any user and 0.800 with other users' "
        "histories."
    )
    assert write_verdict(build_evaluation(gains=(0.1, 0.0))).startswith(
        "Personalization is not shown: persona does not surely beat shuffled, so it learned the "
        "task, not the user; accuracy is 0.600"
    )
    evaluation = build_evaluation()
    arms = {"persona": evaluation.arms["persona"]}
    without_controls = evaluation.model_copy(update={"arms": arms, "differences": {}})
    assert write_verdict(without_controls) == (
        "Personalization is not shown: instruction_only and shuffled were not evaluated."
    )
