"""What stolen vectors tell of their texts, in words: a sentence and the rows of a table."""

from typing import NamedTuple

from components.inversion.report import Attack, InversionReport, Kind, Rate
from components.reporting.wording import format_share

KIND_WORDS: dict[Kind, str] = {
    "name": "first names",
    "street": "streets",
    "number": "house numbers",
    "condition": "conditions",
}


class AttackRow(NamedTuple):
    """An attack's figures in words; a pair is a share and its interval."""

    name: str
    words: str
    clear: tuple[str, str]
    sealed: tuple[str, str]
    chance: str


def write_inversion(report: InversionReport) -> str:
    """Say in one sentence what a thief recovers, and what of rows as they are stored."""
    words, nearest = report.words, report.nearest
    return (
        "Whoever steals vectors in the clear and knows the encoder recovers "
        f"{format_share(words.clear.value)} of the secret words, and "
        f"{format_share(nearest.clear.value)} of the texts that are among the guesses; sealed as "
        f"stored: {format_share(words.sealed.value)} (chance {format_share(words.chance)}) and "
        f"{format_share(nearest.sealed.value)} (chance {format_share(nearest.chance)})."
    )


def list_attacks(report: InversionReport) -> list[AttackRow]:
    """Return both attacks, and the trained inverter's by kind of word."""
    return [
        _write_attack("Whole text", f"nearest of {report.num_candidates:,}", report.nearest),
        _write_attack("Secret words", "trained inverter", report.words),
        *(_write_attack("", KIND_WORDS[kind], attack) for kind, attack in report.kinds.items()),
    ]


def _write_attack(name: str, words: str, attack: Attack) -> AttackRow:
    clear, sealed = _write_rate(attack.clear), _write_rate(attack.sealed)
    return AttackRow(name, words, clear, sealed, format_share(attack.chance))


def _write_rate(rate: Rate) -> tuple[str, str]:
    low = format_share(rate.low).removesuffix(" %")
    return format_share(rate.value), f"{low} to {format_share(rate.high)}"
