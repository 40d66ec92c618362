"""The rule on stored vectors: how much of their texts they tell whoever steals them."""

from components.evaluation.evaluation import Reason
from components.inversion.report import InversionReport
from components.promotion.config import Inversion
from components.promotion.reasons import not_evaluated, tell


def judge_inversion(rule: Inversion, report: InversionReport | None) -> Reason:
    """Judge the trained inverter's rate, by its interval's upper end, against what is allowed."""
    if report is None:
        return not_evaluated(rule, "Not evaluated: no vector was attacked.")
    rate = report.words.clear
    sentence = (
        f"From vectors in the clear a trained inverter recovers {rate.value:.1%} of the secret "
        f"words of {report.num_canaries} invented texts, 95 % interval {rate.low:.1%} to "
        f"{rate.high:.1%}; surely at most {rule.max_rate:.1%} are allowed."
    )
    return tell(rule, rate.high <= rule.max_rate, sentence)
