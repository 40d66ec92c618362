"""The whole list of rules: every one has to hold, and every one is told."""

import pytest
from pydantic import ValidationError

from components.promotion.case import Rival
from components.promotion.config import PromotionConfig, Superiority
from components.promotion.decide import decide
from tests.components.promotion.cases import (
    CHAMPION,
    SOUND,
    SURE,
    UNSURE,
    build_evidence,
    build_slice,
)

RULES = [
    "better_than_instruction_only",
    "better_than_shuffled",
    "not_worse_than_champion",
    "not_worse_than_reference",
    "not_worse_than_instruction_only_in_history_0",
    "not_worse_than_instruction_only_in_history_1",
    "not_worse_than_instruction_only_in_history_4",
    "not_worse_than_champion_in_history_0",
    "not_worse_than_champion_in_history_1",
    "not_worse_than_champion_in_history_4",
    "not_worse_than_reference_in_history_0",
    "not_worse_than_reference_in_history_1",
    "not_worse_than_reference_in_history_4",
    "no_net_harm_over_instruction_only",
    "reproduces_predictions",
    "latency",
    "size",
]
RIVALS = {"champion": CHAMPION, "reference": Rival(version="3", is_candidate=False)}
GOOD = (SURE, -0.1, 0.1)
ALIKE = (0, 0.0, 0.0)
WHOLE = {"instruction_only": GOOD, "shuffled": GOOD, "champion": ALIKE, "reference": ALIKE}
SHORT = {"instruction_only": ALIKE, "champion": ALIKE, "reference": ALIKE}


def run(whole=None, short=None, rivals=RIVALS, artifact=SOUND, metric="accuracy", **settings):
    slices = {
        f"history_{cut}": build_slice(SHORT | (short or {}), metric, **settings)
        for cut in (0, 1, 4)
    }
    evidence = build_evidence(WHOLE | (whole or {}), slices, metric, **settings)
    return decide(evidence, rivals, artifact, PromotionConfig())


def blocking(decision):
    return [reason.rule for reason in decision.reasons if reason.blocks]


@pytest.mark.parametrize("metric", ["accuracy", "mae"])
def test_every_rule_of_the_default_list_is_told(metric):
    decision = run(metric=metric)
    assert decision.promoted
    assert [reason.rule for reason in decision.reasons] == RULES
    assert {reason.status for reason in decision.reasons} == {"passed"}


@pytest.mark.parametrize("metric", ["accuracy", "mae"])
@pytest.mark.parametrize(
    ("whole", "short", "refused_by"),
    [
        ({"instruction_only": (UNSURE, -0.1, 0.1)}, {}, [RULES[0]]),
        ({"shuffled": (UNSURE, -0.1, 0.1)}, {}, [RULES[1]]),
        ({"champion": (UNSURE, -0.006, 0.0)}, {}, [RULES[2]]),
        ({"reference": (UNSURE, -0.006, 0.0)}, {}, [RULES[3]]),
        ({}, {"instruction_only": (UNSURE, -0.06, 0.0)}, RULES[4:7]),
        ({}, {"champion": (UNSURE, -0.03, 0.0)}, RULES[7:10]),
        ({}, {"reference": (UNSURE, -0.03, 0.0)}, RULES[10:13]),
        ({"shuffled": (1999, -0.1, 0.1), "champion": (1999, -0.1, 0.1)}, {}, RULES[1:3]),
    ],
)
def test_one_that_does_not_hold_refuses(whole, short, refused_by, metric):
    decision = run(whole, short, metric=metric)
    assert not decision.promoted
    assert blocking(decision) == refused_by


def test_what_was_rolled_back_is_not_put_back_by_figures():
    said = "2026-11-29T10:00:00+00:00 by anna: version 7 is champion again"
    artifact = SOUND.model_copy(update={"rolled_back": said})
    decision = run(artifact=artifact)
    assert not decision.promoted
    assert [reason.rule for reason in decision.reasons] == ["rolled_back", *RULES]
    assert [reason.sentence for reason in decision.reasons if reason.blocks] == [
        f"This version was rolled back on {said}; remove its tag rolled_back to let it be judged "
        "again."
    ]
    # Whom a person made champion all the same is.
    itself = Rival(version="8", is_candidate=True)
    assert run(artifact=artifact, rivals={"champion": itself}).promoted


def test_without_incumbents_the_others_decide():
    decision = run(rivals={})
    assert decision.promoted
    untold = [reason.rule for reason in decision.reasons if reason.status == "not_evaluated"]
    assert untold == [rule for rule in RULES if "champion" in rule or "reference" in rule]


def test_an_artifact_that_is_not_what_was_evaluated_refuses():
    changed = SOUND.model_copy(
        update={"loaded": False, "problem": "a byte was changed", "p95_seconds": None}
    )
    assert blocking(run(artifact=changed)) == ["reproduces_predictions", "latency"]


def test_the_champion_itself_is_promoted_again_whatever_the_figures():
    same = {"champion": Rival(version="7", is_candidate=True)}
    decision = run({"shuffled": (1999, -0.2, 0.1)}, rivals=same)
    assert decision.promoted
    assert [reason.rule for reason in decision.reasons] == ["already_champion", *RULES[-3:]]
    assert decision.reasons[0].sentence == "Already champion: version 7 is the candidate itself."


def test_the_champion_itself_still_has_to_be_loadable():
    same = {"champion": Rival(version="7", is_candidate=True)}
    changed = SOUND.model_copy(update={"loaded": False, "problem": "a byte was changed"})
    assert blocking(run(rivals=same, artifact=changed)) == ["reproduces_predictions"]


def test_ones_own_list_replaces_the_default():
    rules = PromotionConfig.model_validate(
        {
            "rules": [
                {"kind": "superiority", "over": "user_statistics", "name": "worth_it"},
                {"kind": "any_of", "rules": [{"kind": "net_harm", "over": "base"}] * 2},
            ]
        }
    )
    evidence = build_evidence({"user_statistics": GOOD})
    decision = decide(evidence, {}, SOUND, rules)
    assert [(r.rule, r.status, r.blocks) for r in decision.reasons] == [
        ("worth_it", "passed", False),
        ("no_net_harm_over_base_or_no_net_harm_over_base", "not_evaluated", True),
    ]


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [{"kind": "superiority"}],
        [{"kind": "better", "over": "base"}],
        [{"kind": "non_inferiority", "to": "base", "margin_share": -0.1}],
        [{"kind": "any_of", "rules": [{"kind": "net_harm", "over": "base"}]}],
        [{"kind": "superiority", "over": "instruction_onyl"}],
        [{"kind": "superiority", "over": "persona"}],
        [{"kind": "superiority", "over": "base", "slice": "new_user"}],
        [{"kind": "any_of", "rules": [{"kind": "size"}, {"kind": "latency"}]}],
    ],
)
def test_rules_that_say_nothing_are_refused(rules):
    with pytest.raises(ValidationError):
        PromotionConfig.model_validate({"rules": rules})


def test_reasons_are_named_apart():
    with pytest.raises(ValidationError, match="better_than_base"):
        PromotionConfig(rules=(Superiority(over="base"), Superiority(over="base")))
