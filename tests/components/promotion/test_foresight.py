"""What a run cannot promote by is said before it trains."""

import pytest

from components.evaluation.config import EvaluationConfig
from components.promotion.config import (
    AnyOf,
    NetHarm,
    NonInferiority,
    PromotionConfig,
    Superiority,
)
from components.promotion.foresight import foresee_refusals

FEW = EvaluationConfig(arms=("base", "per_user_lora", "persona"), history_cuts=(0, 2))


def foresee(*rules, evaluation=FEW):
    return foresee_refusals(PromotionConfig(rules=rules), evaluation, "tags")


def test_the_default_rules_fit_the_default_evaluation():
    assert foresee_refusals(PromotionConfig(), EvaluationConfig(), "tags") == []


@pytest.mark.parametrize(
    ("rule", "lacks"),
    [
        (Superiority(over="shuffled"), "the arm shuffled; evaluation.arms has base, per_user_lora"),
        (NonInferiority(to="mean_pooling"), "the arm mean_pooling; evaluation.arms has"),
        (Superiority(over="base", slice="task:tag"), "the slice task:tag; the task is tags"),
        (NetHarm(over="shuffled"), "the arm shuffled; evaluation.arms has"),
        (
            NonInferiority(to="base", slice="history_1"),
            "the slice history_1; evaluation.history_cuts is [0, 2]",
        ),
        (
            NonInferiority(to="champion", slice="history_4"),
            "the slice history_4; evaluation.history_cuts is [0, 2]",
        ),
        (NetHarm(over="per_user_lora"), "all questions answered, and per_user_lora answers those"),
        (
            Superiority(over="per_user_lora", slice="history_2"),
            "all questions answered, and per_user_lora answers those",
        ),
    ],
)
def test_what_is_missing_is_named(rule, lacks):
    [sentence] = foresee(rule)
    assert sentence.startswith(f"This run cannot promote: the rule {rule.title} needs {lacks}")
    assert foresee(rule.model_copy(update={"if_not_evaluated": "pass_by"})) == []


def test_without_cuts_there_is_no_slice_of_whole_histories_either():
    rule = NonInferiority(to="base", slice="history_all")
    [sentence] = foresee(rule, evaluation=FEW.model_copy(update={"history_cuts": ()}))
    assert sentence.endswith("the slice history_all; evaluation.history_cuts is [].")


@pytest.mark.parametrize(
    "rule",
    [
        Superiority(over="base", slice="task:tags"),
        Superiority(over="base"),
        Superiority(over="per_user_lora"),
        NonInferiority(to="reference", slice="history_2"),
        NonInferiority(to="base", slice="history_all"),
        NonInferiority(to="base", slice="new_users"),
        AnyOf(rules=(Superiority(over="base"), Superiority(over="shuffled"))),
    ],
)
def test_what_can_be_judged_is_not(rule):
    assert foresee(rule) == []
