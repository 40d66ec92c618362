"""Vectors of changed items, by the run's own history encoder."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.embedding.checked_items import SourceItem
from components.encoders.config import REFERENCE, EncoderConfig
from components.encoders.encoding import encode_texts
from components.encoders.parity import check_parity

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class EncoderVectors:
    """Encodes items; before the first of them, another back end than float32 on torch is checked.

    Args:
        encoder: What computes the vectors.
        config: Its settings.
    """

    def __init__(self, encoder: "SentenceTransformer", config: EncoderConfig) -> None:
        self._encoder, self._config = encoder, config
        self._is_checked = config.back_end == REFERENCE

    def __call__(self, items: Sequence[SourceItem]) -> NDArray[Any]:
        """Return behavior vectors, float16 [n, E].

        Raises:
            ValueError: If the back end is not faithful on these items' texts.
        """
        texts = [item.text for item in items]
        if not self._is_checked:
            check_parity(self._encoder, texts, self._config)
            self._is_checked = True
        vectors: NDArray[np.float16] = encode_texts(self._encoder, texts, self._config)
        return vectors
