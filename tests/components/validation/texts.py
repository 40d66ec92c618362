"""Random texts and their copies, and a slow plain reading of what is the same and what is near."""

import itertools
import unicodedata
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

UNBROKEN = ("CJK", "HIRAGANA", "KATAKANA", "THAI")
"""How the names of letters begin that are words of their own."""


def to_column(texts: Sequence[str | None], *, rows_per_chunk: int = 7) -> pa.ChunkedArray:
    parts = [texts[row : row + rows_per_chunk] for row in range(0, len(texts), rows_per_chunk)]
    return pa.chunked_array(parts, pa.string())


def list_words(text: str | None) -> list[str]:
    """Fold one text, character by character."""
    words = ""
    for character in unicodedata.normalize("NFKC", text or "").casefold():
        category = unicodedata.category(character)
        name = unicodedata.name(character, "")
        if category == "Cf" or name.startswith(("APOSTROPHE", "VARIATION SELECTOR")):
            continue
        if name in ("RIGHT SINGLE QUOTATION MARK", "MODIFIER LETTER APOSTROPHE"):
            continue
        is_alone = name.startswith(UNBROKEN)
        kept = character if category[0] in "LMNS" else " "
        words += f" {kept} " if is_alone else kept
    return words.split()


def compare(first: str | None, second: str | None) -> float:
    """Return the Jaccard index of the pairs of neighbouring words."""
    firsts, seconds = (
        set(itertools.pairwise(words)) for words in (list_words(first), list_words(second))
    )
    return len(firsts & seconds) / max(1, len(firsts | seconds))


def draw_text(rng: np.random.Generator, num_words: int) -> str:
    return " ".join(f"word{number}" for number in rng.integers(0, 1000, num_words))


def change_words(rng: np.random.Generator, text: str, num_changes: int) -> str:
    """Put new words in the place of some."""
    words = text.split()
    for place in rng.choice(len(words), num_changes, replace=False):
        words[place] = f"new{rng.integers(0, 1000)}"
    return " ".join(words)
