"""Items that repeat others: nearly an earlier one of the same user, or word for word another's.

Legend: I items, B bands, R items left to compare.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.validation.folded_texts import mix, split_words
from components.validation.near_texts import are_near, sketch_texts, tabulate_pairs
from components.validation.source_tables import take_texts

MAX_BEFORE = 8
"""How many of the user's earlier items of the same band an item is compared with, the latest ones:
a bound for users whose items are all made by one template."""
_BLOCK_BYTES = 1 << 24


def find_near_duplicates(texts_I: pa.ChunkedArray, users_I: np.ndarray) -> np.ndarray:
    """Find items that are nearly the same as an earlier item, a lower row, of their user.

    Texts of fewer than MIN_LENGTH words must be the same. A text without words repeats nothing,
    nor does an item of nobody (-1).

    Args:
        texts_I: Strings [I].
        users_I: int64 [I], users by number, best sorted.

    Returns:
        bool [I].
    """
    found_I = np.zeros(len(users_I), bool)
    for rows in _group_users(texts_I, users_I):
        found_I[rows] = _find_repeats(take_texts(texts_I, rows), users_I[rows])
    return found_I


def find_shared_texts(texts_I: pa.ChunkedArray, users_I: np.ndarray) -> np.ndarray:
    """Find items of at least MIN_LENGTH words whose text is an item of another user as well.

    All of them count, the first one too: whose text it is can't be told.

    Args:
        texts_I: Strings [I].
        users_I: int64 [I], users by number; an item of nobody (-1) is left out.

    Returns:
        bool [I].
    """
    hash_I = np.zeros(len(users_I), np.uint64)
    for words in split_words(texts_I):
        hash_I[words.rows] = np.where(words.are_long(), words.hash_texts(), 0)
    rows = np.flatnonzero((hash_I > 0) & (users_I >= 0))
    rows = rows[np.lexsort((users_I[rows], hash_I[rows]))]
    bounds = np.append(np.flatnonzero(_differs(hash_I[rows])), len(rows))
    first_users, last_users = (users_I[rows[places]] for places in (bounds[:-1], bounds[1:] - 1))
    found_I = np.zeros(len(users_I), bool)
    found_I[rows] = np.repeat(first_users != last_users, np.diff(bounds))
    return found_I


def _group_users(texts_I: pa.ChunkedArray, users_I: np.ndarray) -> Iterator[np.ndarray]:
    """Yield all the rows of some users, about _BLOCK_BYTES of text, user by user."""
    order_I = np.argsort(users_I, kind="stable")
    order_I = order_I[np.searchsorted(users_I[order_I], 0) :]
    size_I = pc.fill_null(pc.binary_length(texts_I), 0).to_numpy().astype(np.int64)
    before_I = np.cumsum(size_I[order_I]) - size_I[order_I]
    starts = np.flatnonzero(_differs(users_I[order_I]))
    starts = starts[_differs(before_I[starts] // _BLOCK_BYTES)]
    yield from np.split(order_I, starts[1:])


def _find_repeats(texts_I: pa.ChunkedArray, users_I: np.ndarray) -> np.ndarray:
    sketches = sketch_texts(texts_I)
    order_I = np.lexsort((sketches.hash_N, users_I))
    is_first_I = _differs(users_I[order_I]) | _differs(sketches.hash_N[order_I])
    found_I = np.zeros(len(users_I), bool)
    found_I[order_I] = ~is_first_I & (sketches.hash_N[order_I] > 0)
    rows = np.flatnonzero(sketches.is_long_N & ~found_I)
    bands_BR = mix(sketches.bands_BN[:, rows] + mix(users_I[rows].astype(np.uint64)))
    is_candidate_R = _find_shared_bands(bands_BR)
    rows, bands_BR = rows[is_candidate_R], bands_BR[:, is_candidate_R]
    found_I[rows] = _find_near(texts_I.take(pa.array(rows)), bands_BR)
    return found_I


def _find_shared_bands(bands_BR: np.ndarray) -> np.ndarray:
    """Return bool [R], whether an item has a band in common with any other."""
    is_shared_R = np.zeros(bands_BR.shape[1], bool)
    for band_R in bands_BR:
        order_R = np.argsort(band_R)
        agrees = ~_differs(band_R[order_R])[1:]
        is_shared_R[order_R[1:][agrees]] = True
        is_shared_R[order_R[:-1][agrees]] = True
    return is_shared_R


def _find_near(texts_R: pa.ChunkedArray, bands_BR: np.ndarray) -> np.ndarray:
    """Return bool [R], whether an item is near an earlier one; first the latest are compared."""
    has_R = tabulate_pairs(texts_R)
    orders_BR = np.argsort(bands_BR, axis=1, kind="stable")
    sorted_BR = np.take_along_axis(bands_BR, orders_BR, axis=1)
    found_R = np.zeros(len(texts_R), bool)
    for distance in range(1, MAX_BEFORE + 1):
        agrees_BR = sorted_BR[:, distance:] == sorted_BR[:, :-distance]
        agrees_BR &= ~found_R[orders_BR[:, distance:]]
        if not agrees_BR.any():
            break
        later, earlier = orders_BR[:, distance:][agrees_BR], orders_BR[:, :-distance][agrees_BR]
        later_P, earlier_P = divmod(np.unique(later * len(found_R) + earlier), len(found_R))
        found_R[later_P[are_near(has_R, later_P, has_R, earlier_P)]] = True
    return found_R


def _differs(values: np.ndarray) -> np.ndarray:
    """Return bool, whether a value differs from the one before it; the first one does."""
    differs = np.ones(len(values), bool)
    differs[1:] = values[1:] != values[:-1]
    return differs
