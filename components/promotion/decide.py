"""From what was measured of a candidate to a decision with reasons: a pure function."""

from components.evaluation.evaluation import Decision, Reason
from components.evaluation.evidence import Evidence
from components.inversion.report import InversionReport
from components.promotion.artifact_check import ArtifactCheck
from components.promotion.artifact_rules import judge_latency, judge_reproduction, judge_size
from components.promotion.case import Case, Rivals
from components.promotion.config import (
    AnyOf,
    Inversion,
    Latency,
    PromotionConfig,
    ReproducesPredictions,
    Rule,
    Size,
)
from components.promotion.inversion_rule import judge_inversion
from components.promotion.statistical_rules import judge_any_of, judge_test

ALREADY_CHAMPION, ROLLED_BACK = "already_champion", "rolled_back"
ABSOLUTE_RULES = (ReproducesPredictions, Latency, Size, Inversion)
"""Rules that compare with nothing: the champion has to keep them too."""


def decide(
    evidence: Evidence,
    rivals: Rivals,
    artifact: ArtifactCheck,
    config: PromotionConfig,
    inversion: InversionReport | None = None,
) -> Decision:
    """Judge a candidate by every rule; it is promoted if none stands in the way.

    The champion itself has nothing more to show, but its artifact and its vectors have. A version
    that a person took out of office is not put back by figures.

    Args:
        evidence: What was measured of it.
        rivals: Models in office of the same task.
        artifact: What became of the registered artifact when it was asked by itself.
        config: The rules.
        inversion: What was recovered from vectors; None if that was not measured.

    Raises:
        ValueError: If there is a rival that was not evaluated, and no reason why.
    """
    rules, reasons = config.rules, []
    champion = rivals.get("champion")
    if champion is not None and champion.is_candidate:
        sentence = f"Already champion: version {champion.version} is the candidate itself."
        known = Reason(rule=ALREADY_CHAMPION, status="passed", blocks=False, sentence=sentence)
        reasons.append(known)
        rules = tuple(rule for rule in rules if isinstance(rule, ABSOLUTE_RULES))
    elif artifact.rolled_back is not None:
        sentence = (
            f"This version was rolled back on {artifact.rolled_back}; remove its tag rolled_back "
            "to let it be judged again."
        )
        lost = Reason(rule=ROLLED_BACK, status="failed", blocks=True, sentence=sentence)
        reasons.append(lost)
    case = Case(evidence, rivals, artifact, config.replace_incomparable, inversion)
    reasons += [judge(rule, case) for rule in rules]
    return Decision(promoted=not any(reason.blocks for reason in reasons), reasons=reasons)


def judge(rule: Rule, case: Case) -> Reason:
    """Judge a candidate by one rule."""
    match rule:
        case ReproducesPredictions():
            return judge_reproduction(rule, case.artifact)
        case Latency():
            return judge_latency(rule, case.artifact)
        case Size():
            return judge_size(rule, case.artifact)
        case Inversion():
            return judge_inversion(rule, case.inversion)
        case AnyOf():
            return judge_any_of(rule, case)
        case _:
            return judge_test(rule, case)
