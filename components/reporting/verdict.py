"""The sentences on top of a report: what was shown, and what was decided."""

from collections import Counter

from components.evaluation.evaluation import CONTROLS, MIN_USERS, Decision, Evaluation
from components.reporting.wording import METRIC_WORDS, PERSONA, STATUS_WORDS, format_figure

CONTROL_WORDS = {
    "instruction_only": "an instruction embedding without any user",
    "shuffled": "other users' histories",
}

MOST_NAMED = 3


def write_verdict(evaluation: Evaluation) -> str:
    """Say whether the persona personalizes, with the figures that show it.

    "It personalizes" is said only where persona beats both controls (method section 3).
    """
    metric = evaluation.primary_metric
    missing = [arm for arm in (PERSONA, *CONTROLS) if arm not in evaluation.arms]
    if missing:
        return (
            f"Personalization is not shown: {' and '.join(missing)} "
            f"{'was' if len(missing) == 1 else 'were'} not evaluated."
        )
    figures = {arm: format_figure(evaluation.arms[arm][metric].mean) for arm in evaluation.arms}
    against = " and ".join(f"{figures[arm]} with {CONTROL_WORDS[arm]}" for arm in CONTROLS)
    evidence = (
        f"{METRIC_WORDS[metric].name_within} is {figures[PERSONA]} with the users' own histories, "
        f"against {against}"
    )
    if evaluation.personalizes:
        return f"It personalizes: {evidence}."
    if evaluation.num_users < MIN_USERS:
        too_few = f"of {evaluation.num_users} users nothing is concluded, {MIN_USERS} are needed"
        return f"Personalization is not shown: {too_few}; {evidence}."
    unbeaten = [arm for arm in CONTROLS if not evaluation.persona_beats(arm)]
    beaten = f"persona does not surely beat {' and '.join(unbeaten)}"
    return f"Personalization is not shown: {beaten}; {evidence}."


def write_decision(decision: Decision) -> str:
    """Say in one sentence whether the candidate is promoted, and what stands in the way."""
    num_rules = len(decision.reasons)
    rules = "1 rule" if num_rules == 1 else f"{num_rules} rules"
    if decision.promoted:
        counted = Counter(reason.status for reason in decision.reasons)
        found = [f"{counted[key]} {word}" for key, word in STATUS_WORDS.items() if counted[key]]
        return f"Promoted: none of {rules} stands in the way ({', '.join(found)})."
    blocking = [reason.rule for reason in decision.reasons if reason.blocks]
    named = ", ".join(blocking[:MOST_NAMED])
    if len(blocking) > MOST_NAMED:
        named += f" and {len(blocking) - MOST_NAMED} more"
    stand = "stands" if len(blocking) == 1 else "stand"
    return f"Not promoted: {len(blocking)} of {rules} {stand} in the way ({named})."
