"""A back end is compared with float32 on torch over a sample of the texts."""

import numpy as np
import pytest
import torch

from components.encoders.config import EncoderConfig
from components.encoders.parity import check_parity, draw_texts, measure_cosine_p01
from components.encoders.sentence_encoder import load_sentence_encoder

TEXTS = ["time travel", "a tale of a book", "comedy", "sci-fi action", "violence", "romance"]


def test_the_first_percentile_of_the_cosine():
    """Cosines .6, 1 and .8: a fiftieth of the way from .6 to .8."""
    made = np.array([[3, 4], [2, 0], [0.8, 0.6]], dtype=np.float16)
    reference = np.array([[1, 0], [1, 0], [5, 0]], dtype=np.float16)
    assert measure_cosine_p01(made, reference) == pytest.approx(0.604, abs=1e-3)
    assert measure_cosine_p01(made[:0], reference[:0]) == 1


def test_a_sample_is_of_distinct_texts_whatever_their_order():
    many = [str(number) for number in range(1000)]
    sample = draw_texts(many * 2, 50, seed=0)
    assert len(set(sample)) == 50
    assert draw_texts(many[::-1], 50, seed=0) == sample
    assert draw_texts(many, 50, seed=1) != sample
    assert sorted(draw_texts(["b", "a", "b"], 50, seed=0)) == ["a", "b"]


def test_a_back_end_that_makes_other_vectors_is_refused(encoder_folder):
    config = EncoderConfig(name=str(encoder_folder), precision="bfloat16")
    encoder = load_sentence_encoder(config)
    assert 0.98 < check_parity(encoder, TEXTS, config) < 1
    with torch.no_grad():
        encoder[0].model.encoder.layer[0].output.dense.weight.mul_(-1)
    with pytest.raises(ValueError, match=r"over 6 texts the 1st percentile .* is -?0\.\d+, enc"):
        check_parity(encoder, TEXTS, config)
    assert check_parity(encoder, [], config) == 1
