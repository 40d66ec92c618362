"""Rules that are statistical tests: one-sided, at 2.5 %, on the bootstrap's draws of the users.

Each test asks whether a benefit is above zero in so many of the draws that luck is no explanation;
a margin is part of the benefit, and so is resampled with it. What is rare may be absent from the
sample, where resampling cannot find it: so questions that may have been missed are counted as lost,
each by as much as one answer can lose, or one user more as harmed. A rule that must hold beside
others needs no correction for their number (intersection-union); the alternatives of an `any_of`
do, and get Holm's (1979).
"""

import math
from typing import NamedTuple

from components.evaluation.bootstrap import ALPHA, compute_p_value
from components.evaluation.evaluation import Reason
from components.evaluation.evidence import ALL, Evidence, SliceEvidence, sign_of
from components.evaluation.metrics import FloatArray
from components.promotion.case import Case
from components.promotion.config import (
    INCUMBENTS,
    AnyOf,
    NetHarm,
    NonInferiority,
    Superiority,
    Test,
)
from components.promotion.reasons import not_evaluated, tell

MISSED = -math.log(ALPHA)
"""So many rare losses are not excluded by a sample without one: that has the probability ALPHA."""


class Tested(NamedTuple):
    """What a test found."""

    p_value: float
    found: str
    """The figures, as the beginning of a sentence."""
    is_shown: str
    """What is said if the test passes."""
    is_not_shown: str


def judge_test(rule: Test, case: Case) -> Reason:
    """Judge one test that has to hold."""
    tested = run_test(rule, case)
    return tested if isinstance(tested, Reason) else conclude(rule, tested, ALPHA)


def judge_any_of(rule: AnyOf, case: Case) -> Reason:
    """Judge whether at least one alternative holds; what cannot be tested still counts for Holm."""
    outcomes = [run_test(part, case) for part in rule.rules]
    values = [1.0 if isinstance(found, Reason) else found.p_value for found in outcomes]
    levels = find_holm_levels(values)
    parts = [
        found if isinstance(found, Reason) else conclude(part, found, level)
        for part, found, level in zip(rule.rules, outcomes, levels, strict=True)
    ]
    held = [part.rule for part in parts if part.status == "passed"]
    if held:
        reason = tell(rule, True, f"At least one alternative holds: {', '.join(held)}.")
    elif any(part.status == "failed" for part in parts):
        reason = tell(rule, False, f"None of {len(parts)} alternatives is shown to hold.")
    else:
        # Only absent incumbents stand in nobody's way: else the rule's own setting decides.
        absent = [explain_absence(part, name_rival(part), case) for part in rule.rules]
        blocks = False if all(found and not found.blocks for found in absent) else None
        sentence = "Not evaluated: none of the alternatives can be."
        reason = not_evaluated(rule, sentence, blocks)
    return reason.model_copy(update={"parts": parts})


def find_holm_levels(p_values: list[float]) -> list[float]:
    """Return the level that each of several tests has to meet, by Holm's step-down procedure.

    The k-th smallest of m is tested at alpha / (m - k + 1), and only if all smaller ones passed;
    else its level is zero.
    """
    levels = [0.0] * len(p_values)
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        levels[index] = ALPHA / (len(p_values) - place)
        if p_values[index] > levels[index]:
            break
    return levels


def run_test(rule: Test, case: Case) -> Tested | Reason:
    """Return what a test found, or the reason why it cannot be made.

    Raises:
        ValueError: If an incumbent is there that was not evaluated, and no reason why.
    """
    if isinstance(rule, NetHarm):
        return run_net_harm(rule, case)
    arm = name_rival(rule)
    return (
        explain_absence(rule, arm, case)
        or explain_missing_slice(rule, arm, case.evidence)
        or compare(rule, arm, case.evidence)
    )


def name_rival(rule: Test) -> str:
    """Return the arm that a test compares persona with."""
    return rule.to if isinstance(rule, NonInferiority) else rule.over


def explain_absence(rule: Test, arm: str, case: Case) -> Reason | None:
    """Return why an incumbent is not there to be compared with; None for one that is.

    Raises:
        ValueError: If it is there, was not evaluated, and there is no reason why.
    """
    if arm not in INCUMBENTS:
        return None
    rival = case.rivals.get(arm)
    if rival is None:
        sentence = f"There is no {arm} of this task yet to be compared with."
        return not_evaluated(rule, sentence, blocks=False)
    if rival.is_candidate:
        sentence = f"The {arm}, version {rival.version}, is the candidate itself."
        return not_evaluated(rule, sentence, blocks=False)
    if rival.obstacle is not None:
        allowed = case.replace_incomparable
        sentence = (
            f"The {arm}, version {rival.version}, {rival.obstacle}: it cannot be compared. "
            f"promotion.replace_incomparable is {str(allowed).lower()}"
            f"{'' if allowed else '; true lets the candidate pass'}."
        )
        return not_evaluated(rule, sentence, blocks=not allowed)
    if case.evidence.find(ALL, arm) is None:
        raise ValueError(f"the {arm}, version {rival.version}, was not evaluated")
    return None


def explain_missing_slice(
    rule: Superiority | NonInferiority, arm: str, evidence: Evidence
) -> Reason | None:
    """Return why a slice does not tell of an arm; None if it does."""
    where = describe_slice(rule.slice)
    if rule.slice != ALL and rule.slice not in evidence.slices:
        known = ", ".join(name for name in evidence.slices if name != ALL)
        return not_evaluated(rule, f"Not evaluated: there is no slice {rule.slice}, but {known}.")
    if not evidence.slices[rule.slice].num_questions:
        return not_evaluated(rule, f"Not evaluated: there are no questions{where}.")
    found = evidence.find(rule.slice, arm)
    if found is None:
        return not_evaluated(rule, f"Not evaluated: {arm} did not answer the questions{where}.")
    if found.num_users < rule.min_users:
        return too_few(rule, found.num_users, f"asked the questions{where} that {arm} answered")
    return None


def too_few(rule: Test, num_users: int, did: str) -> Reason:
    """Return the reason of a test that too few users are there for."""
    sentence = f"Not evaluated: {num_users} users {did}, {rule.min_users} are needed."
    return not_evaluated(rule, sentence)


def compare(rule: Superiority | NonInferiority, arm: str, evidence: Evidence) -> Tested:
    """Test persona against an arm, with a margin that is a share of the arm's value."""
    metric, found = evidence.primary_metric, evidence.find(rule.slice, arm)
    assert found is not None, "explain_missing_slice looked"
    sign, other = sign_of(metric), found.figures[arm, metric]
    difference = found.difference(arm, metric)
    interval = found.interval(difference)
    share = -rule.margin_share if isinstance(rule, Superiority) else rule.margin_share
    benefit: FloatArray = sign * difference.draws + share * abs(other.draws)
    benefit -= MISSED * evidence.largest_loss / (found.num_questions + 1)
    margin = f"{abs(share * other.value):.4f}"
    if isinstance(rule, NonInferiority):
        loss = f"a loss of {margin} ({rule.margin_share:.1%} of {arm}'s value)"
        shown, not_shown = f"{loss} is excluded", f"{loss} cannot be excluded"
    else:
        limit = f" by {margin} ({rule.margin_share:.1%} of {arm}'s value)" if share else ""
        shown, not_shown = f"persona is better{limit}", f"persona is not shown to be better{limit}"
    better = "higher" if sign > 0 else "lower"
    return Tested(
        p_value=compute_p_value(benefit, found.effective_users),
        found=(
            f"{metric} ({better} is better) of persona {found.figures['persona', metric].value:.4f}"
            f" minus {arm} {other.value:.4f}{describe_slice(rule.slice)} is {interval.mean:+.4f}, "
            f"95 % interval {interval.low:+.4f} to {interval.high:+.4f}{count_asked(found)}"
        ),
        is_shown=shown,
        is_not_shown=not_shown,
    )


def run_net_harm(rule: NetHarm, case: Case) -> Tested | Reason:
    """Test whether the share of users harmed exceeds the share helped by less than allowed."""
    absent = explain_absence(rule, rule.over, case)
    if absent is not None:
        return absent
    if rule.over not in case.evidence.users.gains:
        return not_evaluated(rule, f"Not evaluated: {rule.over} did not answer all questions.")
    gains = case.evidence.users.counted(rule.over, rule.min_questions)
    if len(gains) < rule.min_users:
        return too_few(rule, len(gains), f"ask {rule.min_questions} questions or more")
    net = case.evidence.users.net_harmed(rule.over, rule.min_questions)
    benefit = rule.max_share - net.draws - 1 / (len(gains) + 1)
    return Tested(
        p_value=compute_p_value(benefit, len(gains)),
        found=(
            f"Of {len(gains)} users with {rule.min_questions} questions or more, persona helps "
            f"{(gains > 0).sum()} and harms {(gains < 0).sum()}, compared with {rule.over}"
        ),
        is_shown=f"that {rule.max_share:.1%} more are harmed than helped is excluded",
        is_not_shown=f"that {rule.max_share:.1%} more are harmed than helped cannot be excluded",
    )


def conclude(rule: Test, tested: Tested, level: float) -> Reason:
    """Return the reason of a test at its level; zero if a likelier alternative failed already."""
    passed = tested.p_value <= level
    verdict = tested.is_shown if passed else tested.is_not_shown
    needed = f"at most {level:.4f}" if level else "a likelier alternative failed"
    return tell(rule, passed, f"{tested.found}: {verdict} (p = {tested.p_value:.4f}; {needed}).")


def describe_slice(name: str) -> str:
    """Return where a comparison was made; nothing for all questions."""
    return "" if name == ALL else f" in the slice {name}"


def count_asked(found: SliceEvidence) -> str:
    """Return the sample's size in brackets."""
    return f" ({found.num_questions} questions of {found.num_users} users)"
