"""The sentence on top says no more than the controls show."""

import pytest

from components.evaluation.evaluation import Decision
from components.reporting.verdict import write_decision, write_verdict

from .evaluations import build_decision, build_evaluation, build_reason, build_rich_decision


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
        "Personalization is not shown: persona does not surely beat shuffled; accuracy is 0.600"
    )
    assert write_verdict(build_evaluation(num_users=29)).startswith(
        "Personalization is not shown: of 29 users nothing is concluded, 30 are needed; accuracy "
        "is 0.600 with the users' own histories"
    )
    evaluation = build_evaluation()
    arms = {"persona": evaluation.arms["persona"]}
    without_controls = evaluation.model_copy(update={"arms": arms, "differences": {}})
    assert write_verdict(without_controls) == (
        "Personalization is not shown: instruction_only and shuffled were not evaluated."
    )


def test_the_decision_says_what_stands_in_the_way():
    assert write_decision(build_rich_decision()) == (
        "Not promoted: 2 of 6 rules stand in the way (retrieval, new_users)."
    )
    assert write_decision(build_decision(False)) == (
        "Not promoted: 1 of 1 rule stands in the way (better_than_shuffled)."
    )
    many = [build_reason("failed", name) for name in "abcde"]
    assert write_decision(Decision(promoted=False, reasons=many)) == (
        "Not promoted: 5 of 5 rules stand in the way (a, b, c and 2 more)."
    )


def test_a_promotion_counts_what_was_found():
    reasons = [build_reason("passed"), build_reason("passed"), build_reason("not_evaluated")]
    assert write_decision(Decision(promoted=True, reasons=reasons)) == (
        "Promoted: none of 3 rules stands in the way (2 passed, 1 not evaluated)."
    )
