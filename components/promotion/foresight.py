"""Which rules a run's evaluation cannot answer: better said before a training than after it."""

from collections.abc import Iterator

from components.evaluation.aligned_predictions import SAMPLED_ARMS
from components.evaluation.config import EvaluationConfig
from components.evaluation.evidence import ALL
from components.evaluation.slices import WITHOUT_HISTORY
from components.promotion.config import (
    INCUMBENTS,
    AnyOf,
    NetHarm,
    NonInferiority,
    PromotionConfig,
    Superiority,
    Test,
)


def foresee_refusals(
    promotion: PromotionConfig, evaluation: EvaluationConfig, task_name: str
) -> list[str]:
    """Return a sentence for every rule that will refuse any candidate of this run."""
    sentences = []
    for rule in promotion.rules:
        if rule.if_not_evaluated == "pass_by":
            continue
        if isinstance(rule, AnyOf):
            missing = [find_missing(part, evaluation, task_name) for part in rule.rules]
            lacks = missing[0] if all(missing) else None
        elif isinstance(rule, Superiority | NonInferiority | NetHarm):
            lacks = find_missing(rule, evaluation, task_name)
        else:
            lacks = None
        if lacks:
            sentences.append(f"This run cannot promote: the rule {rule.title} needs {lacks}.")
    return sentences


def find_missing(rule: Test, evaluation: EvaluationConfig, task_name: str) -> str | None:
    """Return which setting a test needs that the evaluation does not have; None for none."""
    return next(_name_missing(rule, evaluation, task_name), None)


def _name_missing(rule: Test, evaluation: EvaluationConfig, task_name: str) -> Iterator[str]:
    arm = rule.to if isinstance(rule, NonInferiority) else rule.over
    where = ALL if isinstance(rule, NetHarm) else rule.slice
    if arm not in (*evaluation.arms, *INCUMBENTS):
        yield f"the arm {arm}; evaluation.arms has {', '.join(evaluation.arms)}"
    if arm in SAMPLED_ARMS and (isinstance(rule, NetHarm) or where != ALL):
        yield f"all questions answered, and {arm} answers those of a sample of the users"
    if where.startswith("task:") and where != f"task:{task_name}":
        yield f"the slice {where}; the task is {task_name}"
    cuts = {f"history_{cut}" for cut in evaluation.history_cuts}
    sliced = {*cuts, "history_all"} if cuts else set()
    if where.startswith("history_") and where not in sliced:
        yield f"the slice {where}; evaluation.history_cuts is {list(evaluation.history_cuts)}"
    if where in cuts and arm not in (*WITHOUT_HISTORY, *INCUMBENTS):
        yield f"{arm} with less history, and only persona and the incumbents answer so"
