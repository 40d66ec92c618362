"""The one sentence on top of a report."""

from components.evaluation.evaluation import CONTROLS, Evaluation
from components.reporting.wording import METRIC_WORDS, PERSONA, format_figure

CONTROL_WORDS = {
    "instruction_only": "an instruction embedding without any user",
    "shuffled": "other users' histories",
}


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
    unbeaten = [arm for arm in CONTROLS if not evaluation.persona_beats(arm)]
    beaten = f"persona does not surely beat {' and '.join(unbeaten)}"
    if unbeaten == ["shuffled"]:
        beaten += ", so it learned the task, not the user"
    return f"Personalization is not shown: {beaten}; {evidence}."
