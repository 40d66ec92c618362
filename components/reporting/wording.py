"""How arms, metrics and figures are put into words and numbers."""

from typing import NamedTuple

from pydantic import JsonValue

from components.evaluation.evaluation import Interval, is_better, is_worse

PERSONA = "persona"
DIFFERENCE_PREFIX = f"{PERSONA}_vs_"


class MetricWords(NamedTuple):
    """A metric's name and unit for readers."""

    name: str
    unit: str

    @property
    def name_within(self) -> str:
        """The name within a sentence; abbreviations keep their capitals."""
        return self.name if self.name[:2].isupper() else self.name[0].lower() + self.name[1:]


METRIC_WORDS = {
    "accuracy": MetricWords("Accuracy", "share of questions answered right"),
    "macro_f1": MetricWords("Macro F1", "mean F1 of all labels, 0 to 1"),
    "mae": MetricWords("Mean absolute error", "points of the label scale"),
    "rmse": MetricWords("Root mean squared error", "points of the label scale"),
    "rouge_1": MetricWords("ROUGE-1", "F-measure of words, 0 to 1"),
    "rouge_l": MetricWords("ROUGE-L", "F-measure of the longest common sequence, 0 to 1"),
}

ARM_WORDS = {
    "base": "the frozen LLM alone",
    "instruction_only": "a learned instruction embedding, trained alike, no user",
    "user_statistics": "no LLM: statistics of the user's history",
    "mean_pooling": "the persona with all history items weighing the same",
    "shuffled": "the trained persona with another user's history",
    "persona": "the user embedder, with the user's own history",
    "champion": "the user embedder that serves today",
}

JUDGE_WORDS = {
    "without_user": "best without knowing the user",
    "bayes": "best given the same history",
    "oracle": "best knowing the user's taste",
}


def format_figure(value: float) -> str:
    """Write a figure with three decimals."""
    return f"{value:.3f}"


def format_signed(value: float) -> str:
    """Write a difference with its sign, a true minus, and three decimals; zero has no sign."""
    text = f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")
    return text[1:] if float(f"{value:.3f}") == 0 else text


def format_range(interval: Interval, signed: bool = False) -> str:
    """Write an interval's ends."""
    write = format_signed if signed else format_figure
    return f"{write(interval.low)} to {write(interval.high)}"


def format_note(note: JsonValue) -> str:
    """Write a note on one line: "chosen: last; dev: last 0.500, mean 0.400"."""
    if not isinstance(note, dict):
        return _format_value(note)
    return "; ".join(f"{name}: {_format_value(value)}" for name, value in note.items())


def _format_value(value: JsonValue) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_format_value(part)}" for name, part in value.items())
    return format_figure(value) if isinstance(value, float) else str(value)


def judge_difference(metric: str, difference: Interval) -> str:
    """Say what a difference of persona and another arm shows."""
    if is_better(metric, difference):
        return "better"
    return "worse" if is_worse(metric, difference) else "not told apart"
