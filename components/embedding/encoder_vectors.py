"""Vectors of changed items, by the run's own history encoder."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.embedding.checked_items import SourceItem
from components.encoders.behavior_vectors import describe_encoder, find_device
from components.encoders.config import REFERENCE, EncoderConfig
from components.encoders.encoding import encode_texts
from components.encoders.parity import check_parity
from components.encoders.sentence_encoder import load_history_encoder


class EncoderVectors:
    """Encodes items; before the first of them, another back end than float32 on torch is checked.

    Attributes:
        fingerprint: Of all that a vector depends on.
        dim: Width E of a vector.

    Args:
        config: The history encoder.
        history_template: How items are rendered.
    """

    def __init__(self, config: EncoderConfig, history_template: str) -> None:
        self._encoder, self._config = load_history_encoder(config, find_device()), config
        described = describe_encoder(self._encoder, config, history_template)
        self.fingerprint = described["fingerprint"]
        width = self._encoder.get_embedding_dimension()
        assert width is not None
        self.dim: int = width
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
