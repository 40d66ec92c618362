"""The truth table of the promotion rule, in both directions of a metric."""

import pytest

from components.evaluation.evaluation import Evaluation, Interval
from components.promotion.config import PromotionConfig
from components.promotion.rule import ChampionComparison, decide

CHAMPION = ChampionComparison(version="7", weights_hash="old", candidate_weights_hash="new")
CONTROLS = {"instruction_only": (0.01, 0.1), "shuffled": (0.01, 0.1)}


def build_evaluation(gains, higher=True, champion_value=0.5):
    """Arms by how much better persona is, as (low, high); `higher` says which way is better."""
    metric = "accuracy" if higher else "mae"
    differences = {}
    for arm, (low, high) in gains.items():
        low, high = (low, high) if higher else (-high, -low)
        mean = (low + high) / 2
        differences[f"persona_vs_{arm}"] = {metric: Interval(mean=mean, low=low, high=high)}
    value = Interval(mean=champion_value, low=champion_value, high=champion_value)
    return Evaluation(
        task="tags",
        split="test",
        num_questions=100,
        num_users=30,
        arms={arm: {metric: value} for arm in ("persona", *gains)},
        differences=differences,
    )


def passed_rules(decision):
    return [reason.rule for reason in decision.reasons if not reason.blocks]


@pytest.mark.parametrize("higher", [True, False])
@pytest.mark.parametrize(
    ("instruction_only", "shuffled", "champion", "promoted"),
    [
        ((0.01, 0.1), (0.01, 0.1), (-0.004, 0.02), True),  # the margin is .005
        ((0.01, 0.1), (0.01, 0.1), (-0.006, 0.02), False),
        ((0.01, 0.1), (0.01, 0.1), (-0.005, 0.02), False),  # exactly at the margin
        ((0.0, 0.1), (0.01, 0.1), (0.0, 0.02), False),
        ((0.01, 0.1), (-0.01, 0.1), (0.0, 0.02), False),
        ((-0.1, -0.01), (-0.1, -0.01), (0.1, 0.2), False),
    ],
)
def test_all_three_rules_have_to_hold(instruction_only, shuffled, champion, promoted, higher):
    gains = {"instruction_only": instruction_only, "shuffled": shuffled, "champion": champion}
    decision = decide(build_evaluation(gains, higher), CHAMPION, PromotionConfig())
    assert decision.promoted is promoted
    assert [reason.rule for reason in decision.reasons] == [
        "better_than_instruction_only",
        "better_than_shuffled",
        "not_worse_than_champion",
        "enough_users",
    ]
    assert (len(passed_rules(decision)) == 4) is promoted


def test_the_margin_is_a_share_of_the_champions_value():
    evaluation = build_evaluation(CONTROLS | {"champion": (-0.03, 0.02)}, champion_value=0.8)
    refused = decide(evaluation, CHAMPION, PromotionConfig(margin_share=0.03))
    allowed = decide(evaluation, CHAMPION, PromotionConfig(margin_share=0.05))
    assert "not_worse_than_champion" not in passed_rules(refused)
    assert "margin of 0.0240 worse (3.0% of version 7's value)" in refused.reasons[2].sentence
    assert allowed.promoted


def test_without_a_champion_the_controls_decide():
    decision = decide(build_evaluation(CONTROLS), None, PromotionConfig())
    assert decision.promoted
    assert decision.reasons[2].sentence.startswith("There is no champion")
    gains = CONTROLS | {"shuffled": (-0.1, 0.1)}
    assert not decide(build_evaluation(gains), None, PromotionConfig()).promoted


def test_a_handful_of_users_promotes_nobody_however_sure_the_bootstrap():
    evaluation = build_evaluation({"instruction_only": (0.2, 0.2), "shuffled": (0.2, 0.2)})
    assert decide(evaluation, None, PromotionConfig()).promoted
    few = evaluation.model_copy(update={"num_users": 29})
    decision = decide(few, None, PromotionConfig())
    assert not decision.promoted
    [reason] = [reason for reason in decision.reasons if reason.blocks]
    assert reason.rule == "enough_users"
    assert reason.sentence == (
        "The questions are from 29 users, at least 30 are needed: too few for a promotion."
    )
    assert decide(few, None, PromotionConfig(min_users=29)).promoted


def test_a_control_that_was_not_evaluated_refuses():
    evaluation = build_evaluation({"instruction_only": (0.01, 0.1)})
    decision = decide(evaluation, None, PromotionConfig())
    assert not decision.promoted
    assert decision.reasons[1].sentence.startswith("Not evaluated")


def test_the_champion_itself_is_promoted_again_whatever_the_figures():
    same = CHAMPION.model_copy(update={"candidate_weights_hash": "old"})
    decision = decide(build_evaluation({"shuffled": (-0.2, -0.1)}), same, PromotionConfig())
    assert decision.promoted
    assert [reason.rule for reason in decision.reasons] == ["already_champion"]
    assert "Already champion: version 7" in decision.reasons[0].sentence


def test_a_champion_that_was_not_evaluated_is_an_error():
    with pytest.raises(ValueError, match="champion version 7 was not evaluated"):
        decide(build_evaluation(CONTROLS), CHAMPION, PromotionConfig())


def test_a_champion_that_cannot_be_asked_stays_unless_it_may_be_replaced():
    mute = CHAMPION.model_copy(update={"obstacle": "reads items by another template"})
    decision = decide(build_evaluation(CONTROLS), mute, PromotionConfig())
    assert not decision.promoted
    [reason] = [reason for reason in decision.reasons if reason.blocks]
    assert reason.rule == "not_worse_than_champion"
    assert reason.sentence == (
        "Champion version 7 reads items by another template: it cannot be compared. "
        "promotion.replace_incomparable is false."
    )
    allowed = decide(build_evaluation(CONTROLS), mute, PromotionConfig(replace_incomparable=True))
    assert allowed.promoted
    assert "it cannot be compared" in allowed.reasons[2].sentence


def test_sentences_carry_the_figures():
    sentence = (
        decide(build_evaluation(CONTROLS, False), None, PromotionConfig()).reasons[0].sentence
    )
    assert sentence == (
        "mae (lower is better) of persona 0.5000 minus instruction_only 0.5000 is -0.0550, "
        "95 % interval -0.1000 to -0.0100: persona is better."
    )
