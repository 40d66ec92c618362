"""A small trained inverter: from behavior vectors to the secret words of their texts.

Letters: N texts, E encoder width, W words of a kind.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components.inversion.canaries import WORDS
from components.inversion.report import Kind

Words = Sequence[dict[Kind, str]]
"""A secret word of each kind, for each text."""
RIDGE = 0.3
"""Penalty on the squared coefficients, for vectors of length 1 and some thousand texts."""


class Inverter:
    """Ridge regression from a vector to which word of each kind its text has.

    Args:
        vectors_NE: Vectors of texts that the attacker knows, float [N, E].
        words: The secret words of these texts.
    """

    def __init__(self, vectors_NE: NDArray[np.floating], words: Words) -> None:
        known_NE = vectors_NE.astype(np.float64)
        self._mean_E = known_NE.mean(axis=0)
        centred_NE = known_NE - self._mean_E
        penalty_EE = RIDGE * np.eye(centred_NE.shape[1])
        self._solved_EN = np.linalg.solve(centred_NE.T @ centred_NE + penalty_EE, centred_NE.T)
        self._words = words

    def guess(self, vectors_NE: NDArray[np.floating]) -> Words:
        """Return the likeliest word of each kind for each vector."""
        coefficients_NN = (vectors_NE.astype(np.float64) - self._mean_E) @ self._solved_EN
        guesses: list[dict[Kind, str]] = [{} for _ in vectors_NE]
        for kind, listed in WORDS.items():
            has_NW = np.array([[text[kind] == word for word in listed] for text in self._words])
            scores_NW = coefficients_NN @ (has_NW - has_NW.mean(axis=0)) + has_NW.mean(axis=0)
            for guess, best in zip(guesses, scores_NW.argmax(axis=1), strict=True):
                guess[kind] = listed[best]
        return guesses

    def guess_blindly(self) -> dict[Kind, str]:
        """Return the most frequent word of each kind, the first listed of equally frequent ones."""
        counts = {kind: Counter(text[kind] for text in self._words) for kind in WORDS}
        return {kind: max(words, key=counts[kind].__getitem__) for kind, words in WORDS.items()}
