"""How a rule's outcome is written down."""

from components.evaluation.evaluation import Reason
from components.promotion.config import Rule


def tell(rule: Rule, passed: bool, sentence: str) -> Reason:
    """Return the reason of a rule that was judged."""
    status = "passed" if passed else "failed"
    return Reason(rule=rule.title, status=status, blocks=not passed, sentence=sentence)


def not_evaluated(rule: Rule, sentence: str, blocks: bool | None = None) -> Reason:
    """Return the reason of a rule that there was nothing to judge by.

    Args:
        rule: The rule.
        sentence: What is missing.
        blocks: Whether it stands in the way; by the rule's own setting if not given.
    """
    stands = rule.if_not_evaluated == "refuse" if blocks is None else blocks
    return Reason(rule=rule.title, status="not_evaluated", blocks=stands, sentence=sentence)
