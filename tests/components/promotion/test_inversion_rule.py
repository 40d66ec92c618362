"""What may be recovered from vectors, judged by the upper end of the interval."""

import pytest
from pydantic import ValidationError

from components.evaluation.config import EvaluationConfig
from components.promotion.config import DEFAULT_RULES, Inversion, PromotionConfig
from components.promotion.decide import decide
from components.promotion.foresight import foresee_refusals
from components.promotion.inversion_rule import judge_inversion
from tests.components.inversion.reports import build_attack, build_report
from tests.components.promotion.cases import CHAMPION, SOUND, build_evidence

REPORT = build_report(words=build_attack(0.8, half=0.05))


@pytest.mark.parametrize(("max_rate", "status"), [(0.86, "passed"), (0.84, "failed")])
def test_what_is_recovered_is_surely_below_the_limit(max_rate, status):
    reason = judge_inversion(Inversion(max_rate=max_rate), REPORT)
    assert (reason.rule, reason.status, reason.blocks) == ("inversion", status, status == "failed")
    assert reason.sentence == (
        "From vectors in the clear a trained inverter recovers 80.0% of the secret words of 200 "
        "invented texts, 95 % interval 75.0% to 85.0%; surely at most "
        f"{max_rate:.1%} are allowed."
    )


def test_what_was_not_measured_is_not_evaluated():
    reason = judge_inversion(Inversion(max_rate=0.5), None)
    assert (reason.status, reason.blocks) == ("not_evaluated", True)
    lenient = Inversion(max_rate=0.5, if_not_evaluated="pass_by")
    assert not judge_inversion(lenient, None).blocks


@pytest.mark.parametrize("champion", [CHAMPION, CHAMPION.model_copy(update={"is_candidate": True})])
def test_the_rule_is_asked_of_the_champion_itself_too(champion):
    config = PromotionConfig.model_validate({"rules": [{"kind": "inversion", "max_rate": 0.5}]})
    decision = decide(build_evidence({}), {"champion": champion}, SOUND, config, REPORT)
    assert decision.reasons[-1] == judge_inversion(config.rules[0], REPORT)
    assert not decision.promoted


def test_it_is_a_rule_only_where_it_is_listed_and_can_always_be_judged():
    assert not any(isinstance(rule, Inversion) for rule in DEFAULT_RULES)
    config = PromotionConfig(rules=(Inversion(max_rate=0.5),))
    assert foresee_refusals(config, EvaluationConfig(), "tags") == []
    with pytest.raises(ValidationError, match="max_rate"):
        PromotionConfig.model_validate({"rules": [{"kind": "inversion"}]})
