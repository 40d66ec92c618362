"""Texts folded into words that can be compared, a million of them as 64-bit hashes.

A text is brought to NFKC, then to casefold. Its words are runs of letters, marks, numbers and
symbols (Unicode's L, M, N and S). All else separates them, as white space and punctuation do, but
apostrophes and invisible characters (Cf, variation selectors) vanish. In scripts that put no
blanks between words every character is a word of its own. Two texts are the same if they have the
same words in the same order; a text without words is the same as nothing.

A hash stands for its word or text: among a million texts, two that differ share one with a
probability of 3e-8. The hashes depend on nothing but the texts.

Legend: N texts, T words of a slice of texts, C characters.
"""

import functools
import itertools
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MIN_LENGTH = 5
"""Fewest words of a text that nobody writes twice by chance: "good movie" is natural, and of a
title of four words one more word is a fifth."""
CHARACTERS_PER_WORD = 2
"""So many characters of a script without blanks count as one word of MIN_LENGTH: about the length
of a Chinese word."""

_UNBROKEN = (
    ("\u0e00", "\u0eff"),  # Thai, Lao
    ("\u1000", "\u109f"),  # Burmese
    ("\u1780", "\u17ff"),  # Khmer
    ("\u3005", "\u3007"),  # signs that stand among Chinese characters
    ("\u3040", "\u30ff"),  # hiragana, katakana
    ("\u31f0", "\u31ff"),
    ("\u3400", "\u9fff"),  # Chinese characters
    ("\uf900", "\ufaff"),
    ("\U00020000", "\U0003ffff"),
)
_VANISHING = {
    *"'\u2019\u02bc",
    *map(chr, range(0xFE00, 0xFE10)),
    *map(chr, range(0xE0100, 0xE01F0)),
}
_GAP, _WORD, _CHARACTER, _NOTHING, _SEVERAL, _END = range(6)
"""Kinds of characters; _SEVERAL are those whose casefold is several characters."""
_BETWEEN = "\ud800"  # a lone surrogate: no valid text has one
_SLICE_BYTES = 1 << 17  # the arrays of a slice stay within a core's cache
_FACTOR = 0x9E3779B97F4A7C15
_INVERSE = pow(_FACTOR, -1, 1 << 64)


@dataclass(frozen=True)
class Words:
    """The words of a slice of texts."""

    rows: slice
    """Which texts of the column."""
    hashes_T: np.ndarray
    """uint64 [T], words of all the texts one after another."""
    bounds_N: np.ndarray
    """int64 [N + 1], where each text's words begin, and the last one's end."""
    lengths_N: np.ndarray
    """int64 [N], in 1 / CHARACTERS_PER_WORD of a word."""

    def hash_texts(self) -> np.ndarray:
        """Return uint64 [N], equal for texts that are the same; 0 for a text without words."""
        hash_N = hash_runs(self.hashes_T, self.bounds_N)
        return np.where(np.diff(self.bounds_N) > 0, np.maximum(hash_N, 1), 0)

    def are_long(self) -> np.ndarray:
        """Return bool [N], whether a text has MIN_LENGTH words."""
        return self.lengths_N >= MIN_LENGTH * CHARACTERS_PER_WORD


def split_words(texts_N: pa.ChunkedArray) -> Iterator[Words]:
    """Yield the words of texts, slice by slice; a null has none."""
    for rows in _cut(texts_N):
        yield _split_slice(rows, pc.fill_null(texts_N[rows], "").to_pylist())


def mix(values: np.ndarray) -> np.ndarray:
    """Return values whose every bit depends on all bits (the finalizer of SplitMix64).

    Args:
        values: uint64 of any shape.

    Returns:
        uint64 of the same shape.
    """
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def hash_runs(values: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Hash runs of values, in which the order counts and zeros at the end do not.

    Args:
        values: uint64, mixed already.
        bounds: int64 [n + 1], where each run begins, and the last one's end.

    Returns:
        uint64 [n]; 0 for an empty run.
    """
    products = values * _raise(_FACTOR, len(values))[: len(values)]
    starts = bounds[:-1]
    filled = bounds[1:] > starts
    sums = np.zeros(len(starts), np.uint64)
    if filled.any():
        sums[filled] = np.add.reduceat(products, starts[filled])
    return mix(sums * _raise(_INVERSE, len(values))[starts])


def _cut(texts_N: pa.ChunkedArray) -> Iterator[slice]:
    size_N = pc.fill_null(pc.binary_length(texts_N), 0).to_numpy()
    part_N = np.cumsum(size_N, dtype=np.int64) // _SLICE_BYTES
    bounds = np.append(np.flatnonzero(np.diff(part_N, prepend=-1)), len(part_N))
    for start, stop in itertools.pairwise(bounds):
        yield slice(int(start), int(stop))


def _split_slice(rows: slice, texts: list[str]) -> Words:
    normal = unicodedata.normalize("NFKC", _BETWEEN.join([*texts, ""]))
    kinds, values = _character_tables()
    codes_C = _encode(normal)
    if (kinds[codes_C] == _SEVERAL).any():
        codes_C = _encode(normal.casefold())
    kinds_C = kinds[codes_C]
    codes_C, kinds_C = (array[kinds_C != _NOTHING] for array in (codes_C, kinds_C))
    is_word_C = kinds_C == _WORD
    begins_C = is_word_C.copy()
    begins_C[1:] &= ~is_word_C[:-1]
    begins_C |= kinds_C == _CHARACTER
    starts_T = np.flatnonzero(begins_C)
    ends_N = np.flatnonzero(kinds_C == _END)
    bounds_N, characters_N = (
        np.concatenate([[0], np.searchsorted(places, ends_N)])
        for places in (starts_T, np.flatnonzero(kinds_C == _CHARACTER))
    )
    lengths_N = CHARACTERS_PER_WORD * np.diff(bounds_N)
    lengths_N -= (CHARACTERS_PER_WORD - 1) * np.diff(characters_N)
    hashes_T = hash_runs(values[codes_C], np.append(starts_T, len(codes_C)))
    return Words(rows, hashes_T, bounds_N, lengths_N)


def _encode(text: str) -> np.ndarray:
    return np.array([text]).view(np.uint32).astype(np.intp)


@functools.cache
def _character_tables() -> tuple[np.ndarray, np.ndarray]:
    """Return the kind (uint8) and the hash (uint64) of the casefold of all characters.

    The tables spare texts to be casefolded, the slowest part. What is in no word has hash 0.
    """
    folded = [chr(code).casefold() for code in range(sys.maxunicode + 1)]
    kinds = np.array([_kind(characters) for characters in folded], np.uint8)
    codes = np.array([ord(characters[0]) for characters in folded], np.uint64)
    for first, last in _UNBROKEN:
        block = kinds[ord(first) : ord(last) + 1]
        block[block == _WORD] = _CHARACTER
    kinds[ord(_BETWEEN)] = _END
    is_in_word = (kinds == _WORD) | (kinds == _CHARACTER)
    return kinds, np.where(is_in_word, mix(codes * np.uint64(_FACTOR)), 0)


def _kind(characters: str) -> int:
    if len(characters) > 1:
        return _SEVERAL
    category = unicodedata.category(characters)
    if category == "Cf" or characters in _VANISHING:
        return _NOTHING
    return _WORD if category[0] in "LMNS" else _GAP


def _raise(factor: int, length: int) -> np.ndarray:
    """Return uint64 powers from 0 to at least `length`."""
    return _powers(factor, 1 << max(length, _SLICE_BYTES).bit_length())


@functools.lru_cache(4)
def _powers(factor: int, length: int) -> np.ndarray:
    powers = np.full(length, factor, np.uint64)
    powers[0] = 1
    return np.multiply.accumulate(powers)
