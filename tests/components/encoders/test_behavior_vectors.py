"""Behavior vectors: aligned with the items, whatever the batches, and known by their encoder."""

from pathlib import Path

import numpy as np
import pytest
import torch

from components.encoders.behavior_vectors import describe_encoder, encode_histories
from components.encoders.config import EncoderConfig
from components.encoders.encoding import encode_texts
from components.encoders.sentence_encoder import load_sentence_encoder
from components.folder import hash_file
from tests.components.tiny_models import WIDTH, write_sentence_encoder

TEXTS = ["time travel", "a", "a tale of time travel based on a book", "a", "sci-fi action", "b"]


@pytest.fixture(scope="module")
def config(encoder_folder):
    return EncoderConfig(name=str(encoder_folder), max_length=32, batch_tokens=20)


def test_rows_follow_the_items_and_equal_a_plain_reference(config, tmp_path):
    vectors = encode_histories(TEXTS, "{text}", config, tmp_path).open()
    encoder = load_sentence_encoder(config)
    plain = []
    with torch.no_grad():
        for text in TEXTS:
            tokens = encoder.tokenizer(text, return_tensors="pt")
            states = encoder[0].auto_model(**tokens).last_hidden_state[0].mean(dim=0)
            plain.append((states / states.norm()).numpy())
    assert vectors.dtype == np.float16
    assert vectors.shape == (len(TEXTS), WIDTH)
    np.testing.assert_allclose(vectors, plain, atol=1e-3)
    np.testing.assert_array_equal(vectors[1], vectors[3])
    assert np.abs(vectors[0] - vectors[2].astype(float)).max() > 0.01


def test_batches_and_order_change_nothing(config):
    encoder = load_sentence_encoder(config)
    first = encode_texts(encoder, TEXTS, config)
    wide = encode_texts(encoder, TEXTS, config.model_copy(update={"batch_tokens": 4096}))
    back = encode_texts(encoder, TEXTS[::-1], config)[::-1]
    np.testing.assert_allclose(wide, first, atol=1e-3)
    np.testing.assert_allclose(back, first, atol=1e-3)


def test_no_texts_are_no_rows(config):
    assert encode_texts(load_sentence_encoder(config), [], config).shape == (0, WIDTH)


def test_a_vector_that_is_no_number_is_named(config):
    encoder = load_sentence_encoder(config)
    token = encoder.tokenizer.convert_tokens_to_ids("book")
    with torch.no_grad():
        encoder[0].auto_model.embeddings.word_embeddings.weight[token] = float("nan")
    with pytest.raises(ValueError, match="history item row 2"):
        encode_texts(encoder, TEXTS, config)


def test_the_prompt_stands_before_every_item(config):
    encoder = load_sentence_encoder(config)
    prompted = config.model_copy(update={"prompt": "a tale of "})
    with_prompt = encode_texts(encoder, ["time"], prompted)
    np.testing.assert_allclose(with_prompt, encode_texts(encoder, ["a tale of time"], config))


def test_the_fingerprint_tells_encoders_apart(config, tmp_path):
    encoder = load_sentence_encoder(config)

    def fingerprint(template="{text}", **changes):
        changed = config.model_copy(update=changes)
        return describe_encoder(encoder, changed, template)["fingerprint"]

    other = write_sentence_encoder(tmp_path / "other", seed=1)
    prints = {
        fingerprint(),
        fingerprint(template="score: {score} {text}"),
        fingerprint(prompt="read: "),
        fingerprint(max_length=16),
        fingerprint(precision="bfloat16"),
        fingerprint(backend="openvino"),
        fingerprint(backend="openvino", precision="int8"),
        fingerprint(name=str(other)),
    }
    assert len(prints) == 8
    # Neither the batches nor what is put before inputs touches the history's vectors.
    assert fingerprint(batch_tokens=7, query_prompt="find: ") == fingerprint()
    assert fingerprint(min_cosine_p01=0.5) == fingerprint()
    (tmp_path / "made").mkdir()
    made = encode_histories(["a"], "{text}", config, tmp_path / "made")
    assert made.fingerprint == fingerprint()
    encoder[1].pooling_mode = ("cls", "mean")
    assert fingerprint() not in prints


def test_the_description_says_what_was_loaded(config, tmp_path):
    described = encode_histories(["a"], "{text}", config, tmp_path).describe()
    assert described["pooling"] == "mean"
    assert described["weights_sha256"] == hash_file(Path(config.name) / "model.safetensors")
    encoder = load_sentence_encoder(config)
    encoder[1].pooling_mode = ("cls", "mean")
    assert describe_encoder(encoder, config, "{text}")["pooling"] == "cls+mean"


def test_another_precision_is_taken_only_if_it_is_faithful(config, tmp_path):
    half = config.model_copy(update={"precision": "bfloat16"})
    described = encode_histories(TEXTS, "{text}", half, tmp_path).describe()
    assert 0.98 < float(described["cosine_p01"]) < 1
    (tmp_path / "refused").mkdir()
    strict = half.model_copy(update={"min_cosine_p01": 1.0})
    with pytest.raises(ValueError, match=r"torch-bfloat16 does not make the vectors"):
        encode_histories(TEXTS, "{text}", strict, tmp_path / "refused")
    assert list((tmp_path / "refused").iterdir()) == []
