"""Candidates that look good and are not, from their answers to the decision and its reason."""

import numpy as np
import pytest

from components.evaluation.measure import measure
from components.promotion.case import Rival
from components.promotion.config import PromotionConfig
from components.promotion.decide import decide
from tests.components.evaluation.answer_tables import TAGS, build_answers, build_table
from tests.components.promotion.cases import SOUND

USERS = np.repeat(np.arange(300), 8).tolist()
RIVALS = {
    "champion": Rival(version="1", is_candidate=False),
    "reference": Rival(version="1", is_candidate=False),
}
CUTS = ("history_0", "history_1", "history_4")


def right_with(chance, seed):
    """Right with this chance: the same luck for the same seed."""
    luck = np.random.default_rng(seed).random(len(USERS))
    return lambda number: "a" if luck[number] < chance else "b"


def right_and_noisy(chance, flipped, seed):
    """As `right_with`, but some of the answers are turned into luck again."""
    rng = np.random.default_rng(seed + 100)
    is_flipped, anew = rng.random((2, len(USERS)))
    same = right_with(chance, seed)
    return lambda number: (
        ("a" if anew[number] < chance else "b") if is_flipped[number] < flipped else same(number)
    )


def judge(artifact=SOUND, **changes):
    """Judge a sound candidate, .7 where the champion has .64, with some answers changed."""
    arms = {
        "instruction_only": right_with(0.5, 0),
        "shuffled": right_with(0.5, 0),
        "persona": right_with(0.7, 0),
        **{f"persona_{cut}": right_with(0.6, 0) for cut in CUTS},
        "champion": right_with(0.64, 0),
        **{f"champion_{cut}": right_with(0.6, 0) for cut in CUTS},
    } | changes
    arms |= {
        name.replace("champion", "reference"): answer
        for name, answer in arms.items()
        if name.startswith("champion")
    }
    table = build_table({(arm, 0): answer for arm, answer in arms.items()}, USERS)
    evidence = measure(build_answers(table), TAGS, {}, num_draws=2000, seed=0)
    decision = decide(evidence, RIVALS, artifact, PromotionConfig())
    assert decision.promoted is not any(reason.blocks for reason in decision.reasons)
    return {reason.rule: reason for reason in decision.reasons if reason.blocks}


def test_a_sound_candidate_is_promoted():
    assert judge() == {}


def test_trained_on_shuffled_histories():
    """It has learned the task and nothing of its users: it is as good with anybody's history."""
    alike = {f"persona_{cut}": right_with(0.6, 0) for cut in CUTS}
    refused = judge(persona=right_with(0.6, 0), shuffled=right_with(0.6, 0), **alike)
    assert "better_than_shuffled" in refused
    assert "persona is not shown to be better" in refused["better_than_shuffled"].sentence
    assert "better_than_instruction_only" not in refused  # the control alone finds it out


@pytest.mark.parametrize("seed", range(5))
def test_equal_to_the_champion_but_noisier(seed):
    """No worse on average, but one sixth of its answers is luck: a loss cannot be excluded."""
    noisy = right_and_noisy(0.64, 0.3, seed)
    refused = judge(persona=noisy, champion=right_with(0.64, seed))
    assert set(refused) == {"not_worse_than_champion", "not_worse_than_reference"}
    assert "cannot be excluded" in refused["not_worse_than_champion"].sentence


def test_better_on_average_but_worse_with_short_histories():
    worse = {"persona_history_0": right_with(0.4, 0), "persona_history_1": right_with(0.55, 0)}
    refused = judge(persona=right_with(0.75, 0), **worse)
    assert set(refused) == {
        "not_worse_than_instruction_only_in_history_0",
        *(
            f"not_worse_than_{office}_in_{cut}"
            for office in ("champion", "reference")
            for cut in ("history_0", "history_1")
        ),
    }
    assert "in the slice history_0 is -0.2" in refused[min(refused)].sentence


def test_better_on_average_but_harmful_to_most_users():
    """A few users gain everything, many lose a little."""
    lucky = right_with(0.5, 0)
    refused = judge(
        persona=lambda n: "a" if USERS[n] % 3 == 0 else ("b" if n % 8 == 0 else lucky(n)),
        **{"champion": lucky, "shuffled": lucky},
    )
    assert set(refused) == {"no_net_harm_over_instruction_only"}


def test_an_artifact_with_a_changed_byte():
    problem = "plug_in/user_embedder.safetensors is not what was registered"
    changed = SOUND.model_copy(update={"loaded": False, "problem": problem, "num_equal": 0})
    refused = judge(artifact=changed)
    assert set(refused) == {"reproduces_predictions"}
    assert refused["reproduces_predictions"].sentence == (
        f"The registered artifact cannot be used: {problem}."
    )
