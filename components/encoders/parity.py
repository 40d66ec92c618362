"""Whether a back end makes the vectors that float32 on torch makes, asked before it is used.

Letters: N texts, E encoder width.
"""

import logging
from typing import TYPE_CHECKING

import numpy as np

from components.encoders.config import REFERENCE, EncoderConfig
from components.encoders.encoding import encode_texts
from components.encoders.sentence_encoder import load_sentence_encoder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

logger = logging.getLogger(__name__)

NUM_SAMPLED = 512
"""Texts that are encoded both ways, of those that a run encodes."""
SEED = 0


def check_parity(encoder: "SentenceTransformer", texts: list[str], config: EncoderConfig) -> float:
    """Encode a sample of the texts also by float32 on torch; return how like the vectors are.

    Args:
        encoder: What the settings' back end computes.
        texts: The texts of a run; each distinct one is as likely in the sample.
        config: The encoder's settings.

    Returns:
        The 1st percentile of the cosine between a text's two vectors; 1 without texts.

    Raises:
        ValueError: If it is below `min_cosine_p01`.
    """
    sample = draw_texts(texts, NUM_SAMPLED, SEED)
    plain = config.as_reference()
    reference = load_sentence_encoder(plain, encoder.device.type)
    cosine = measure_cosine_p01(
        encode_texts(encoder, sample, config), encode_texts(reference, sample, plain)
    )
    if not cosine >= config.min_cosine_p01:
        raise ValueError(
            f"{config.back_end} does not make the vectors of {REFERENCE}: over {len(sample)} texts "
            f"the 1st percentile of their cosine is {cosine:.4f}, encoder.min_cosine_p01 is "
            f"{config.min_cosine_p01}; change encoder.backend or encoder.precision"
        )
    logger.info("%s: 1st percentile of the cosine to %s %.5f", config.back_end, REFERENCE, cosine)
    return cosine


def draw_texts(texts: list[str], num_texts: int, seed: int) -> list[str]:
    """Return that many distinct texts at random, all of them if there are no more."""
    distinct = sorted(set(texts))
    chosen = np.random.default_rng(seed).permutation(len(distinct))[:num_texts]
    return [distinct[row] for row in chosen]


def measure_cosine_p01(vectors_NE: np.ndarray, reference_NE: np.ndarray) -> float:
    """Return the 1st percentile of the cosine between rows of the same place; 1 without rows."""
    if not len(vectors_NE):
        return 1.0
    one_NE, other_NE = vectors_NE.astype(np.float64), reference_NE.astype(np.float64)
    lengths_N = np.linalg.norm(one_NE, axis=1) * np.linalg.norm(other_NE, axis=1)
    return float(np.percentile((one_NE * other_NE).sum(axis=1) / lengths_N, 1))
