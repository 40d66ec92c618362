"""An evaluation to be reported on, with figures that tests can look for."""

from components.evaluation.evaluation import Decision, Evaluation, Interval, Reason


def interval(mean, half=0.02):
    return Interval(mean=mean, low=mean - half, high=mean + half)


def build_evaluation(metric="accuracy", gains=(0.3, 0.2), **changes):
    """Persona is at .6; `gains` is what it wins over instruction_only and shuffled."""
    sign = -1 if metric == "mae" else 1
    values = {"instruction_only": gains[0], "shuffled": gains[1]}
    arms = {arm: {metric: interval(0.6 - sign * gain)} for arm, gain in values.items()}
    differences = {
        f"persona_vs_{arm}": {metric: interval(sign * gain)} for arm, gain in values.items()
    }
    fields = {
        "task": "LaMP_2",
        "split": "test",
        "num_questions": 6023,
        "num_users": 674,
        "arms": arms | {"persona": {metric: interval(0.6)}},
        "differences": differences,
    }
    return Evaluation(**(fields | changes))


def build_decision(promoted, sentence="with figures"):
    reason = Reason(rule="better_than_shuffled", passed=promoted, sentence=sentence)
    return Decision(promoted=promoted, reasons=[reason])
