"""Each test's verdict, on draws whose p-values can be counted."""

from dataclasses import replace

import numpy as np
import pytest

from components.evaluation.evidence import SliceEvidence
from components.promotion.case import Rival
from components.promotion.config import (
    AnyOf,
    NetHarm,
    NonInferiority,
    Superiority,
)
from components.promotion.statistical_rules import (
    find_holm_levels,
    judge_any_of,
    judge_test,
)
from tests.components.promotion.cases import (
    CHAMPION,
    SURE,
    UNSURE,
    build_case,
    build_evidence,
    build_gains,
    build_slice,
)

BETTER = Superiority(over="base")


def judge(rule, others, metric="accuracy", **settings):
    return judge_test(rule, build_case(build_evidence(others, metric=metric), **settings))


@pytest.mark.parametrize("metric", ["accuracy", "mae"])
@pytest.mark.parametrize(
    ("rule", "drawn", "status"),
    [
        (BETTER, (SURE, -0.1, 0.1), "passed"),
        (BETTER, (UNSURE, -0.1, 0.1), "failed"),
        (BETTER, (UNSURE, 0.0, 0.1), "failed"),  # no better is not better
        (BETTER, (1999, -0.1, 0.1), "failed"),
        # The margin is a share of the other arm's value, .5: .005 and .05.
        # As many questions as may have been missed count as lost: 3.69 of 3,000, .0012.
        (NonInferiority(to="base"), (UNSURE, -0.0035, 0.0), "passed"),
        (NonInferiority(to="base"), (UNSURE, -0.004, 0.0), "failed"),
        (NonInferiority(to="base"), (UNSURE, -0.006, 0.0), "failed"),
        (NonInferiority(to="base"), (SURE, -0.006, 0.0), "passed"),
        (NonInferiority(to="base", margin_share=0.1), (UNSURE, -0.04, 0.0), "passed"),
        (NonInferiority(to="base", margin_share=0.0), (UNSURE, 0.0, 0.0), "failed"),
        (Superiority(over="base", margin_share=0.1), (0, 0.0, 0.06), "passed"),
        (Superiority(over="base", margin_share=0.1), (0, 0.0, 0.04), "failed"),
    ],
)
def test_how_often_the_benefit_is_above_zero_decides(rule, drawn, status, metric):
    assert judge(rule, {"base": drawn}, metric).status == status


def test_a_margin_moves_with_the_draw():
    """Where the other arm is at .9 a loss of .007 is within 1 % of it, where it is at .5 not."""
    evidence = build_evidence({"base": (1999, -0.007, 0.0)}, value=0.893)
    assert judge_test(NonInferiority(to="base"), build_case(evidence)).status == "passed"
    evidence = build_evidence({"base": (1999, -0.007, 0.0)}, value=0.493)
    assert judge_test(NonInferiority(to="base"), build_case(evidence)).status == "failed"


def test_sentences_carry_figures_sizes_and_what_better_means():
    assert judge(BETTER, {"base": (0, 0.0, 0.1)}, "mae").sentence == (
        "mae (lower is better) of persona 0.5000 minus base 0.6000 is -0.1000, 95 % interval "
        "-0.1000 to -0.1000 (3000 questions of 300 users): persona is better "
        "(p = 0.0005; at most 0.0250)."
    )
    rule = NonInferiority(to="champion", margin_share=0.02)
    told = judge(rule, {"champion": (0, 0.0, -0.1)}, rivals={"champion": CHAMPION}).sentence
    assert told.endswith(
        "a loss of 0.0120 (2.0% of champion's value) cannot be excluded "
        "(p = 1.0000; at most 0.0250)."
    )


def test_a_slice_is_judged_by_itself():
    slices = {"history_1": build_slice({"base": (UNSURE, -0.1, 0.1)})}
    case = build_case(build_evidence({"base": (0, 0.0, 0.1)}, slices))
    assert judge_test(BETTER, case).status == "passed"
    rule = Superiority(over="base", slice="history_1")
    reason = judge_test(rule, case)
    assert (reason.rule, reason.status) == ("better_than_base_in_history_1", "failed")
    assert "in the slice history_1 is" in reason.sentence


@pytest.mark.parametrize(
    ("where", "over", "said"),
    [
        ("new_users", "base", "Not evaluated: there are no questions in the slice new_users."),
        ("history_9", "base", "Not evaluated: there is no slice history_9, but new_users, known_"),
        ("all", "shuffled", "Not evaluated: shuffled did not answer the questions."),
        ("known_users", "shuffled", "Not evaluated: shuffled did not answer the questions in the"),
    ],
)
@pytest.mark.parametrize("otherwise", ["refuse", "pass_by"])
def test_what_was_not_measured_is_never_passed(where, over, said, otherwise):
    better = {"base": (0, 0.0, 0.1)}
    slices = {"new_users": SliceEvidence({}, 0, 0, 0), "known_users": build_slice(better)}
    rule = Superiority(over=over, slice=where, if_not_evaluated=otherwise)
    reason = judge_test(rule, build_case(build_evidence(better, slices)))
    assert reason.status == "not_evaluated"
    assert reason.blocks is (otherwise == "refuse")
    assert reason.sentence.startswith(said)


def test_an_arm_on_a_sample_is_compared_on_the_sample():
    sample = {"per_user_lora": build_slice({"per_user_lora": (0, 0.0, 0.1)}, num_users=20)}
    case = build_case(build_evidence({}, samples=sample))
    reason = judge_test(Superiority(over="per_user_lora", min_users=20), case)
    assert reason.status == "passed"
    assert "(200 questions of 20 users)" in reason.sentence


@pytest.mark.parametrize("office", ["champion", "reference"])
def test_incumbents_that_are_not_there_stand_in_nobodys_way(office):
    rule = NonInferiority(to=office)
    reason = judge(rule, {})
    assert (reason.status, reason.blocks) == ("not_evaluated", False)
    assert reason.sentence == f"There is no {office} of this task yet to be compared with."
    same = judge(rule, {}, rivals={office: Rival(version="7", is_candidate=True)})
    assert (same.status, same.blocks) == ("not_evaluated", False)
    assert same.sentence == f"The {office}, version 7, is the candidate itself."


@pytest.mark.parametrize("allowed", [True, False])
def test_an_incumbent_that_cannot_be_asked_stays_unless_it_may_be_replaced(allowed):
    rivals = {"champion": Rival(version="7", is_candidate=False, obstacle="reads other items")}
    rule = NonInferiority(to="champion", if_not_evaluated="pass_by")  # this is not its matter
    reason = judge(rule, {}, rivals=rivals, replace_incomparable=allowed)
    assert (reason.status, reason.blocks) == ("not_evaluated", not allowed)
    assert reason.sentence == (
        "The champion, version 7, reads other items: it cannot be compared. "
        + (
            "promotion.replace_incomparable is true."
            if allowed
            else "promotion.replace_incomparable is false; true lets the candidate pass."
        )
    )


def test_an_incumbent_that_was_forgotten_is_an_error():
    with pytest.raises(ValueError, match="the champion, version 7, was not evaluated"):
        judge(NonInferiority(to="champion"), {}, rivals={"champion": CHAMPION})


def test_holm_steps_down_from_the_smallest_p_value():
    # Holm 1979 with three tests at .025: .025 / 3, .025 / 2, .025.
    levels = find_holm_levels([0.02, 0.001, 0.012])
    assert levels == pytest.approx([0.025, 0.025 / 3, 0.0125])
    # The smallest fails, so nothing after it is tested.
    assert find_holm_levels([0.009, 0.02]) == pytest.approx([0.0125, 0.025])
    assert find_holm_levels([0.013, 0.014]) == pytest.approx([0.0125, 0.0])


@pytest.mark.parametrize(
    ("first", "second", "statuses"),
    [
        (23, 1999, ("passed", "failed")),  # p = .012, below .0125, the level of two
        (25, 1999, ("failed", "failed")),  # enough for one test, not for two
        (23, 48, ("passed", "passed")),  # the second is tested at .025 after the first
        (25, 30, ("failed", "failed")),
    ],
)
def test_alternatives_pay_for_their_number(first, second, statuses):
    others = {"base": (first, -0.1, 0.1), "shuffled": (second, -0.1, 0.1)}
    rule = AnyOf(rules=(BETTER, Superiority(over="shuffled")))
    reason = judge_any_of(rule, build_case(build_evidence(others)))
    assert tuple(part.status for part in reason.parts) == statuses
    assert reason.status == ("passed" if "passed" in statuses else "failed")
    assert reason.rule == "better_than_base_or_better_than_shuffled"


def test_an_alternative_that_cannot_be_tested_counts_and_does_not_help():
    rule = AnyOf(rules=(BETTER, Superiority(over="shuffled")))
    sure = judge_any_of(rule, build_case(build_evidence({"base": (23, -0.1, 0.1)})))
    assert sure.status == "passed"
    unsure = judge_any_of(rule, build_case(build_evidence({"base": (25, -0.1, 0.1)})))
    assert unsure.status == "failed"
    assert "(p = 0.0130; at most 0.0125)" in unsure.parts[0].sentence
    neither = judge_any_of(rule, build_case(build_evidence({})))
    assert (neither.status, neither.blocks) == ("not_evaluated", True)
    passed_by = rule.model_copy(update={"if_not_evaluated": "pass_by"})
    assert not judge_any_of(passed_by, build_case(build_evidence({}))).blocks
    # A part that may be passed by, and one that may not: the rule's own setting decides.
    lenient = Superiority(over="shuffled", if_not_evaluated="pass_by")
    mixed = AnyOf(rules=(NonInferiority(to="champion"), lenient))
    assert judge_any_of(mixed, build_case(build_evidence({}))).blocks
    both = AnyOf(rules=(lenient, lenient.model_copy(update={"over": "base"})))
    assert judge_any_of(both, build_case(build_evidence({}))).blocks
    absent = AnyOf(rules=(NonInferiority(to="champion"), NonInferiority(to="reference")))
    assert not judge_any_of(absent, build_case(build_evidence({}))).blocks


@pytest.mark.parametrize(
    ("helped", "harmed", "equal", "status"),
    [
        (60, 20, 20, "passed"),
        (32, 20, 48, "passed"),  # 12 % more helped, give or take 7
        (20, 20, 60, "failed"),  # 5 % more harmed than helped cannot be excluded
        (20, 60, 20, "failed"),
        (0, 0, 100, "passed"),
    ],
)
def test_users_harmed_are_weighed_against_users_helped(helped, harmed, equal, status):
    gains = [0.2] * helped + [-0.2] * harmed + [0.0] * equal
    evidence = build_evidence({}, users=build_gains(gains))
    reason = judge_test(NetHarm(over="instruction_only"), build_case(evidence))
    assert reason.status == status
    assert f"Of 100 users with 5 questions or more, persona helps {helped} and" in reason.sentence


def test_users_with_few_questions_are_not_counted():
    users = build_gains([-0.2] * 40 + [0.2] * 72, [4] * 40 + [5] * 72)
    rule = NetHarm(over="instruction_only")
    assert judge_test(rule, build_case(build_evidence({}, users=users))).status == "passed"
    few = build_case(build_evidence({}, users=build_gains([0.2] * 72, [4] + [5] * 71)))
    reason = judge_test(rule, few)
    assert (reason.status, reason.blocks) == ("not_evaluated", True)
    assert reason.sentence == ("Not evaluated: 71 users ask 5 questions or more, 72 are needed.")


@pytest.mark.parametrize(("asked", "status"), [(29, "not_evaluated"), (30, "passed")])
def test_a_handful_of_users_is_not_evaluated_however_sure_the_bootstrap(asked, status):
    case = build_case(build_evidence({"base": (0, 0.1, 0.1)}, num_users=asked))
    reason = judge_test(BETTER, case)
    assert (reason.status, reason.blocks) == (status, status != "passed")
    if asked == 29:
        assert reason.sentence == (
            "Not evaluated: 29 users asked the questions that base answered, 30 are needed."
        )
    assert judge_test(Superiority(over="base", min_users=29), case).status == "passed"


@pytest.mark.parametrize(
    ("num_users", "largest_loss", "status"),
    [(120, 1.0, "failed"), (130, 1.0, "passed"), (130, 4.0, "failed"), (500, 4.0, "passed")],
)
@pytest.mark.parametrize("metric", ["accuracy", "mae"])
def test_a_sample_without_a_loss_does_not_exclude_rare_ones(
    num_users, largest_loss, status, metric
):
    """All are equal, and 1 % of .3 allowed: it takes 3.69 times the largest loss, divided by that.

    A sample of N holds no loss that befalls 3.69 / N of the questions with probability .025.
    """
    settings = {"value": 0.3, "num_users": num_users, "largest_loss": largest_loss}
    evidence = build_evidence({"base": (0, 0.0, 0.0)}, metric=metric, **settings)
    assert judge_test(NonInferiority(to="base"), build_case(evidence)).status == status


def test_a_test_rejects_where_its_interval_excludes_zero():
    """Also with few users, whose percentiles are expanded, and with what may have been missed."""
    rng = np.random.default_rng(0)
    passes = 0
    for mean in np.linspace(0.02, 0.04, 200):
        gains = rng.normal(mean, 0.01, 1999)
        part = build_slice({"base": (0, 0.0, 0.0)})
        figure = part.figures["base", "accuracy"]
        figures = part.figures | {
            ("base", "accuracy"): figure._replace(draws=0.5 - gains, value=0.5 - mean)
        }
        few = SliceEvidence(figures, 999, 30, 9.0)
        low = few.interval(few.difference("base", "accuracy")).low - 3.689 / 1000
        evidence = replace(build_evidence({}), slices={"all": few})
        passed = judge_test(BETTER, build_case(evidence)).status == "passed"
        assert passed == (low > 0)
        passes += passed
    assert 50 < passes < 150
