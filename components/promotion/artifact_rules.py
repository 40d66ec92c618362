"""Rules on the registered artifact itself: does it answer as was evaluated, how fast, how large."""

from components.evaluation.evaluation import Reason
from components.promotion.artifact_check import ArtifactCheck
from components.promotion.config import Latency, ReproducesPredictions, Size
from components.promotion.reasons import not_evaluated, tell

MIB = 2**20


def judge_reproduction(rule: ReproducesPredictions, check: ArtifactCheck) -> Reason:
    """Judge whether a fresh process, with the artifact alone, gives the evaluation's answers."""
    if not check.loaded:
        return tell(rule, False, f"The registered artifact cannot be used: {check.problem}.")
    if check.foreign_modules:
        names = ", ".join(check.foreign_modules)
        return tell(rule, False, f"Serving it imports what a server does not have: {names}.")
    if not check.num_questions:
        return not_evaluated(rule, "Not evaluated: it was not asked anything.")
    share = check.num_equal / check.num_questions
    sentence = (
        f"Alone in a fresh process it gives {check.num_equal} of {check.num_questions} answers of "
        f"the evaluation, {share:.1%}; at least {rule.min_share:.1%} are needed."
    )
    return tell(rule, share >= rule.min_share, sentence)


def judge_latency(rule: Latency, check: ArtifactCheck) -> Reason:
    """Judge the seconds of a question against a budget."""
    if check.p95_seconds is None:
        return not_evaluated(rule, "Not evaluated: the artifact answered nothing.")
    sentence = (
        f"Asked one by one, 95 % of {check.num_questions} questions took at most "
        f"{check.p95_seconds:.3f} s; the budget is {rule.max_p95_seconds:g} s."
    )
    return tell(rule, check.p95_seconds <= rule.max_p95_seconds, sentence)


def judge_size(rule: Size, check: ArtifactCheck) -> Reason:
    """Judge the artifact's bytes against a budget."""
    if not check.size_bytes:
        return not_evaluated(rule, "Not evaluated: the artifact could not be had.")
    sentence = (
        f"Plug-in, settings and code take {check.size_bytes / MIB:.1f} MiB; the budget is "
        f"{rule.max_bytes / MIB:.1f} MiB."
    )
    return tell(rule, check.size_bytes <= rule.max_bytes, sentence)
