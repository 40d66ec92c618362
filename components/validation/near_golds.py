"""Golds that stand in their own question's history, word for word or nearly.

Legend: I items, Q questions, L history links (a link is one item in one question's history).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from components.validation.near_texts import Sketches, are_near, sketch_texts, tabulate_pairs
from components.validation.source_tables import take_texts

_LINKS_AT_ONCE = 1 << 18
_TEXTS_AT_ONCE = 1 << 12


@dataclass(frozen=True)
class GoldCopies:
    """What the histories of text questions tell about their golds."""

    comparable_Q: np.ndarray
    """bool [Q], whether the history has an output to compare with."""
    exact_Q: np.ndarray
    """bool [Q], whether an output is the gold but for case and white space."""
    near_Q: np.ndarray
    """bool [Q], whether, if not that, an output is near the gold, or an input near the payload."""


def find_golds(
    golds_Q: pa.ChunkedArray,
    inputs_Q: pa.ChunkedArray,
    outputs_I: pa.ChunkedArray,
    inputs_I: pa.ChunkedArray,
    question_rows_L: np.ndarray,
    item_rows_L: np.ndarray,
) -> GoldCopies:
    """Find the questions whose gold, or whose own text, stands in their history.

    The same text under another gold is a leak as well. For a near copy both texts need at least
    MIN_LENGTH words, also if they have the same ones.

    Args:
        golds_Q: Strings [Q].
        inputs_Q: Strings [Q], what was asked about (the payload).
        outputs_I: Strings [I]; null where an item has none.
        inputs_I: Strings [I].
        question_rows_L: int64 [L], the question of each link, best in order.
        item_rows_L: int64 [L], the item of each link, -1 where it points at none.

    Returns:
        What was found of each question.
    """
    links = _Links(question_rows_L, item_rows_L, len(golds_Q))
    comparable_Q, exact_Q = _find_exact(golds_Q, outputs_I, links)
    near_Q = exact_Q.copy()
    for texts_Q, texts_I in ((golds_Q, outputs_I), (inputs_Q, inputs_I)):
        near_Q |= _find_near(texts_Q, texts_I, links, near_Q)
    return GoldCopies(comparable_Q, exact_Q, near_Q & ~exact_Q)


def find_near_inputs(
    inputs_Q: pa.ChunkedArray,
    inputs_I: pa.ChunkedArray,
    question_rows_L: np.ndarray,
    item_rows_L: np.ndarray,
) -> np.ndarray:
    """Find the questions whose own text nearly is an item of their history: bool [Q].

    Args:
        inputs_Q: Strings [Q], what was asked about (the payload).
        inputs_I: Strings [I].
        question_rows_L: int64 [L], the question of each link, best in order.
        item_rows_L: int64 [L], the item of each link, -1 where it points at none.
    """
    links = _Links(question_rows_L, item_rows_L, len(inputs_Q))
    return _find_near(inputs_Q, inputs_I, links, np.zeros(len(inputs_Q), bool))


@dataclass(frozen=True)
class _Links:
    questions_L: np.ndarray
    items_L: np.ndarray
    num_questions: int

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield questions and items of links that point at an item, piece by piece."""
        for start in range(0, len(self.items_L), _LINKS_AT_ONCE):
            part = slice(start, start + _LINKS_AT_ONCE)
            is_known = self.items_L[part] >= 0
            yield self.questions_L[part][is_known], self.items_L[part][is_known]


def _find_exact(
    golds_Q: pa.ChunkedArray, outputs_I: pa.ChunkedArray, links: _Links
) -> tuple[np.ndarray, np.ndarray]:
    hash_Q, hash_I = _hash_lightly(golds_Q), _hash_lightly(outputs_I)
    comparable_Q, exact_Q = np.zeros((2, links.num_questions), bool)
    for questions, items in links:
        has_output = hash_I[items] != 0
        comparable_Q[questions[has_output]] = True
        exact_Q[questions[has_output & (hash_I[items] == hash_Q[questions])]] = True
    return comparable_Q, exact_Q


def _hash_lightly(texts_N: pa.ChunkedArray) -> np.ndarray:
    """Return int64 [N], equal for texts equal but for case and white space; 0 for a blank one."""
    hash_N = np.zeros(len(texts_N), np.int64)
    for start in range(0, len(texts_N), _TEXTS_AT_ONCE):
        part = slice(start, start + _TEXTS_AT_ONCE)
        words = ((text or "").casefold().split() for text in texts_N[part].to_pylist())
        hash_N[part] = [hash(" ".join(text)) or 1 if text else 0 for text in words]
    return hash_N


def _find_near(
    texts_Q: pa.ChunkedArray, texts_I: pa.ChunkedArray, links: _Links, known_Q: np.ndarray
) -> np.ndarray:
    """Return bool [Q], whether a text of the history is near; known questions aren't looked at."""
    sketches_Q, sketches_I = sketch_texts(texts_Q), sketch_texts(texts_I)
    found_Q = known_Q.copy()
    for questions, items in links:
        is_open = sketches_Q.is_long_N[questions] & sketches_I.is_long_N[items]
        is_open &= ~found_Q[questions]
        questions, items = questions[is_open], items[is_open]
        is_same = sketches_Q.hash_N[questions] == sketches_I.hash_N[items]
        found_Q[questions[is_same]] = True
        is_candidate = ~found_Q[questions] & _agree(sketches_Q, questions, sketches_I, items)
        questions, items = questions[is_candidate], items[is_candidate]
        is_near = _verify(texts_Q, questions, texts_I, items)
        found_Q[questions[is_near]] = True
    return found_Q


def _agree(
    sketches_Q: Sketches, questions: np.ndarray, sketches_I: Sketches, items: np.ndarray
) -> np.ndarray:
    agrees = np.zeros(len(items), bool)
    for band_Q, band_I in zip(sketches_Q.bands_BN, sketches_I.bands_BN, strict=True):
        agrees |= band_Q[questions] == band_I[items]
    return agrees


def _verify(
    texts_Q: pa.ChunkedArray, questions: np.ndarray, texts_I: pa.ChunkedArray, items: np.ndarray
) -> np.ndarray:
    rows_Q, places_Q = np.unique(questions, return_inverse=True)
    rows_I, places_I = np.unique(items, return_inverse=True)
    has_Q, has_I = (
        tabulate_pairs(take_texts(texts, rows))
        for texts, rows in ((texts_Q, rows_Q), (texts_I, rows_I))
    )
    return are_near(has_Q, places_Q, has_I, places_I)
