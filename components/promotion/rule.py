"""From an evaluation to a decision with reasons: a pure function.

A candidate is promoted if it beats the controls and is not worse than the champion by a margin, and
enough users were asked for the intervals to mean anything. All rules have to hold, so none needs a
correction for their number (intersection-union). Every comparison is one-sided at 2.5 %: it reads
one end of a two-sided 95 % interval.
"""

from pydantic import Field

from components.config import Config
from components.evaluation.evaluation import (
    CONTROLS,
    Decision,
    Evaluation,
    Interval,
    Reason,
    Status,
)
from components.evaluation.metrics import higher_is_better
from components.promotion.config import PromotionConfig

NOT_WORSE = "not_worse_than_champion"
ALREADY_CHAMPION = "already_champion"
ENOUGH_USERS = "enough_users"


class ChampionComparison(Config):
    """Today's champion of the same task and LLM, beside the candidate."""

    version: str = Field(description="The champion's version in the model registry.")
    weights_hash: str = Field(description="sha256 of the champion's weights.")
    candidate_weights_hash: str = Field(description="sha256 of the candidate's weights.")
    obstacle: str | None = Field(
        None, description="Why it cannot answer the candidate's questions; None if it did."
    )

    @property
    def is_candidate(self) -> bool:
        """Whether the candidate is the champion itself."""
        return self.weights_hash == self.candidate_weights_hash


def decide(
    evaluation: Evaluation, champion: ChampionComparison | None, config: PromotionConfig
) -> Decision:
    """Judge a candidate by the primary metric of its task.

    Args:
        evaluation: The candidate's figures; with a champion its arm `champion` is on the same
            questions.
        champion: None where the task and LLM have none.
        config: The margin, the fewest users, and whether an incomparable champion stays.

    Returns:
        The decision, with every rule's reason.

    Raises:
        ValueError: If there is a champion that was not evaluated, and no reason why.
    """
    if champion is not None and champion.is_candidate:
        sentence = f"Already champion: version {champion.version} has the same weights."
        reason = _judge(ALREADY_CHAMPION, True, sentence)
        return Decision(promoted=True, reasons=[reason])
    reasons = [judge_control(evaluation, arm) for arm in CONTROLS]
    reasons.append(judge_champion(evaluation, champion, config))
    reasons.append(judge_users(evaluation, config))
    return Decision(promoted=not any(reason.blocks for reason in reasons), reasons=reasons)


def judge_control(evaluation: Evaluation, arm: str) -> Reason:
    """Judge whether persona is better than a control arm; one that is missing isn't beaten."""
    rule = f"better_than_{arm}"
    metric = evaluation.primary_metric
    difference = evaluation.differences.get(f"persona_vs_{arm}", {}).get(metric)
    if difference is None:
        sentence = f"Not evaluated: there is no {metric} of both persona and {arm}."
        return _judge(rule, False, sentence, status="not_evaluated")
    passed = evaluation.persona_beats(arm)
    verdict = "persona is better" if passed else "persona is not shown to be better"
    sentence = f"{describe_difference(evaluation, arm, difference)}: {verdict}."
    return _judge(rule, passed, sentence)


def judge_champion(
    evaluation: Evaluation, champion: ChampionComparison | None, config: PromotionConfig
) -> Reason:
    """Judge whether persona is not worse than the champion by the margin.

    Raises:
        ValueError: If there is a champion that was not evaluated, and no reason why.
    """
    if champion is None:
        sentence = "There is no champion of this task and LLM to be compared with."
        return _judge(NOT_WORSE, True, sentence, status="not_evaluated")
    if champion.obstacle is not None:
        sentence = (
            f"Champion version {champion.version} {champion.obstacle}: it cannot be compared. "
            f"promotion.replace_incomparable is {str(config.replace_incomparable).lower()}."
        )
        return _judge(NOT_WORSE, config.replace_incomparable, sentence, status="not_evaluated")
    metric = evaluation.primary_metric
    difference = evaluation.differences.get("persona_vs_champion", {}).get(metric)
    if difference is None:
        raise ValueError(
            f"champion version {champion.version} was not evaluated: there is no "
            f"persona_vs_champion for {metric}; known are {sorted(evaluation.differences)}"
        )
    margin = config.margin_share * abs(evaluation.arms["champion"][metric].mean)
    passed = is_not_worse(metric, difference, margin)
    verdict = "surely less" if passed else "not surely less"
    sentence = (
        f"{describe_difference(evaluation, 'champion', difference)}: {verdict} than the margin of "
        f"{margin:.4f} worse ({config.margin_share:.1%} of version {champion.version}'s value)."
    )
    return _judge(NOT_WORSE, passed, sentence)


def judge_users(evaluation: Evaluation, config: PromotionConfig) -> Reason:
    """Judge whether there are enough users for the intervals to be trusted."""
    asked, least = evaluation.num_users, config.min_users
    passed = asked >= least
    verdict = "enough" if passed else "too few for a promotion"
    sentence = f"The questions are from {asked} users, at least {least} are needed: {verdict}."
    return _judge(ENOUGH_USERS, passed, sentence)


def _judge(rule: str, passed: bool, sentence: str, status: Status | None = None) -> Reason:
    """Return a rule's reason; one that was not evaluated may stand in the way or not."""
    judged: Status = "passed" if passed else "failed"
    return Reason(rule=rule, status=status or judged, blocks=not passed, sentence=sentence)


def is_not_worse(metric: str, difference: Interval, margin: float) -> bool:
    """Return whether the difference's worse bound lies within the margin."""
    return difference.low > -margin if higher_is_better(metric) else difference.high < margin


def describe_difference(evaluation: Evaluation, arm: str, difference: Interval) -> str:
    """Write a difference out, with its metric, both figures and its interval."""
    metric = evaluation.primary_metric
    persona, other = (evaluation.arms[name][metric].mean for name in ("persona", arm))
    better = "higher" if higher_is_better(metric) else "lower"
    return (
        f"{metric} ({better} is better) of persona {persona:.4f} minus {arm} {other:.4f} is "
        f"{difference.mean:+.4f}, 95 % interval {difference.low:+.4f} to {difference.high:+.4f}"
    )
