"""How arms, metrics and figures are put into words and numbers."""

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import JsonValue

from components.evaluation.evaluation import Interval, Status, is_better, is_worse

PERSONA = "persona"
CONTROL = "instruction_only"
MINUS = "\N{MINUS SIGN}"
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
    "retrieval_random": "the frozen LLM reads random history items in its prompt",
    "retrieval_recency": "the frozen LLM reads the newest history items in its prompt",
    "retrieval_bm25": "the frozen LLM reads the items that share most words with the input",
    "retrieval_dense": "the frozen LLM reads the items whose embeddings are nearest the input's",
    "retrieval_tuned": "an instruction embedding trained with retrieved items in the prompt",
    "per_user_lora": "an adapter of the LLM trained for each user, for a sample of users",
    "mean_pooling": "the persona with all history items weighing the same",
    "trained_on_shuffled": "the persona trained with other users' histories",
    "shuffled": "the trained persona with another user's history",
    "persona": "the user embedder, with the user's own history",
    "persona_retrieval": "the persona and retrieved items in the prompt",
    "persona_float32": "the persona, its history encoded by float32 on torch",
    "champion": "the user embedder that serves today",
    "reference": "a pinned earlier user embedder, for comparison over time",
}

JUDGE_WORDS = {
    "without_user": "best without knowing the user",
    "bayes": "best given the same history",
    "oracle": "best knowing the user's taste",
}

STATUS_WORDS: dict[Status, str] = {
    "passed": "passed",
    "failed": "failed",
    "not_evaluated": "not evaluated",
}

TIME_UNITS = (("h", 3600), ("min", 60), ("s", 1), ("ms", 1e-3), ("\N{MICRO SIGN}s", 1e-6))
SIZE_UNITS = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1))

SLICE_WORDS = {
    "known_users": "users of whom training saw other questions",
    "new_users": "users whom training never saw",
}


def format_figure(value: float) -> str:
    """Write a figure with three decimals."""
    return f"{value:.3f}"


def format_signed(value: float) -> str:
    """Write a difference with its sign, a true minus, and three decimals; zero has no sign."""
    text = f"{value:+.3f}".replace("-", MINUS)
    return text[1:] if float(f"{value:.3f}") == 0 else text


def format_range(interval: Interval, signed: bool = False) -> str:
    """Write an interval's ends."""
    write = format_signed if signed else format_figure
    return f"{write(interval.low)} to {write(interval.high)}"


def format_share(value: float, signed: bool = False) -> str:
    """Write a share in percent with one decimal: "12.5 %", signed "+12.5 %"."""
    text = f"{100 * value:+.1f}" if signed and round(1000 * value) else f"{100 * abs(value):.1f}"
    return f"{text.replace('-', MINUS)} %"


def format_seconds(seconds: float) -> str:
    """Write a time with the unit that suits it: "12 ms", "3.2 min"."""
    return _format_scaled(seconds, TIME_UNITS)


def format_bytes(num_bytes: float) -> str:
    """Write a size in decimal units: "384 B", "1.5 kB", "2.1 MB"."""
    return _format_scaled(num_bytes, SIZE_UNITS)


def format_note(note: JsonValue) -> str:
    """Write a note on one line: "chosen: last; dev: last 0.500, mean 0.400"."""
    if not isinstance(note, dict):
        return _format_value(note)
    return "; ".join(f"{name}: {_format_value(value)}" for name, value in note.items())


def _format_value(value: JsonValue) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_format_value(part)}" for name, part in value.items())
    return format_figure(value) if isinstance(value, float) else str(value)


def _format_scaled(value: float, units: Sequence[tuple[str, float]]) -> str:
    if not value:
        return "0"
    unit, size = next((pair for pair in units if value >= pair[1]), units[-1])
    scaled = value / size
    text = f"{scaled:,.0f}" if scaled >= 10 else f"{scaled:.1f}".removesuffix(".0")
    return f"{text} {unit}"


def judge_difference(metric: str, difference: Interval) -> str:
    """Say what a difference of persona and another arm shows."""
    if is_better(metric, difference):
        return "better"
    return "worse" if is_worse(metric, difference) else "not told apart"
