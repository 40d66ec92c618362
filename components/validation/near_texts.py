"""Which texts are nearly the same: sketches to find candidates, word pairs to verify them.

Two texts are nearly the same if, of all pairs of neighbouring words that either has, at least NEAR
are in both (the Jaccard index). Candidates agree in a band of their MinHash sketches (Broder 1997,
Indyk and Motwani 1998). Each is verified with all its word pairs, so sketches can miss a near text
but never make one up.

Legend: N texts, B bands, S word pairs, P pairs of texts.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_matrix

from components.validation.folded_texts import Words, mix, split_words

NEAR = 0.8
"""Least Jaccard index of texts that are nearly the same: of twenty words one may be another. Pairs
of words are compared rather than words, since titles of a series ("The best films of May") share
most of their words."""
NUM_BANDS = 8
BAND_SIZE = 3
"""Texts of Jaccard index j are candidates with probability 1 - (1 - j^3)^8: .997 at .8, .99997 at
.9, and 8e-6 at .01, about what unrelated texts have."""
_PAIRS_AT_ONCE = 1 << 15


@dataclass(frozen=True)
class Sketches:
    """What is kept of texts to find those that may be copies."""

    hash_N: np.ndarray
    """uint64 [N], equal for texts that are the same; 0 for a text without words."""
    is_long_N: np.ndarray
    """bool [N], whether a text is long enough to have near copies."""
    bands_BN: np.ndarray
    """uint64 [B, N], equal for near texts in at least one band; 0 for a text of one word."""


def sketch_texts(texts_N: pa.ChunkedArray) -> Sketches:
    """Sketch texts, slice by slice.

    Args:
        texts_N: Strings [N].

    Returns:
        The sketches, 73 bytes a text.
    """
    hash_N = np.zeros(len(texts_N), np.uint64)
    is_long_N = np.zeros(len(texts_N), bool)
    bands_BN = np.zeros((NUM_BANDS, len(texts_N)), np.uint64)
    for words in split_words(texts_N):
        hash_N[words.rows] = words.hash_texts()
        is_long_N[words.rows] = words.are_long()
        bands_BN[:, words.rows] = _sketch_bands(*_pair_words(words))
    return Sketches(hash_N, is_long_N, bands_BN)


def tabulate_pairs(texts_N: pa.ChunkedArray) -> csr_matrix:
    """Find all word pairs of texts.

    Args:
        texts_N: Strings [N].

    Returns:
        int8 [N, 63-bit hashes of word pairs], 1 where a text has the pair.
    """
    values, counts = [np.zeros(0, np.uint64)], [np.zeros(1, np.int64)]
    for words in split_words(texts_N):
        values_S, bounds_N = _pair_words(words)
        values.append(values_S)
        counts.append(np.diff(bounds_N))
    columns_S = (np.concatenate(values) >> np.uint64(1)).astype(np.int64)
    bounds_N = np.cumsum(np.concatenate(counts))
    ones_S = np.ones(len(columns_S), np.int8)
    has = csr_matrix((ones_S, columns_S, bounds_N), shape=(len(texts_N), 2**63 - 1))
    has.sum_duplicates()
    has.data[:] = 1
    return has


def are_near(
    has_N: csr_matrix, rows_P: np.ndarray, other_has_N: csr_matrix, other_rows_P: np.ndarray
) -> np.ndarray:
    """Compare pairs of texts by all their word pairs.

    Args:
        has_N: From `tabulate_pairs`.
        rows_P: int64 [P], its row for one text of each pair.
        other_has_N: From `tabulate_pairs`, of the same or other texts.
        other_rows_P: int64 [P], its row for the other text.

    Returns:
        bool [P]; false where neither has a word pair.
    """
    near_P = np.zeros(len(rows_P), bool)
    for start in range(0, len(rows_P), _PAIRS_AT_ONCE):
        part = slice(start, start + _PAIRS_AT_ONCE)
        has, other_has = has_N[rows_P[part]], other_has_N[other_rows_P[part]]
        num_common = has.multiply(other_has).getnnz(axis=1)
        num_either = has.getnnz(axis=1) + other_has.getnnz(axis=1) - num_common
        near_P[part] = num_common / np.maximum(num_either, 1) >= NEAR
    return near_P


def _pair_words(words: Words) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of neighbouring words, uint64 [S], and each text's bounds in them, [N + 1]."""
    pairs_T = mix(words.hashes_T[:-1] * np.uint64(3) + words.hashes_T[1:])
    num_words_N = np.diff(words.bounds_N)
    is_within_T = np.ones(len(words.hashes_T), bool)
    is_within_T[words.bounds_N[1:][num_words_N > 0] - 1] = False
    sums_N = np.cumsum(np.maximum(num_words_N - 1, 0))
    return pairs_T[is_within_T[:-1]], np.concatenate([[0], sums_N])


def _sketch_bands(values_S: np.ndarray, bounds_N: np.ndarray) -> np.ndarray:
    """Return a hash for each band: uint64 [B, N], of BAND_SIZE least hashes of word pairs."""
    bands_BN = np.zeros((NUM_BANDS, len(bounds_N) - 1), np.uint64)
    has_pairs_N = np.diff(bounds_N) > 0
    starts = bounds_N[:-1][has_pairs_N]
    if not len(starts):
        return bands_BN
    # A multiplication orders mixed hashes at random anew, at a third of the price of a mix.
    factors = mix(np.arange(1, NUM_BANDS * BAND_SIZE + 1, dtype=np.uint64)) | np.uint64(1)
    for band_N, band_factors in zip(bands_BN, factors.reshape(NUM_BANDS, -1), strict=True):
        band = np.zeros(len(starts), np.uint64)
        for factor in band_factors:
            band = mix(band + np.minimum.reduceat(values_S * factor, starts))
        band_N[has_pairs_N] = band
    return bands_BN
