"""The loop of our own: what `SentenceTransformer.encode` makes, in batches without much padding."""

import numpy as np
import pytest
import torch

from components.encoders import encoding
from components.encoders.config import EncoderConfig
from components.encoders.encoding import cut_batches, encode_batches, take_texts
from components.encoders.sentence_encoder import load_sentence_encoder
from tests.components.tiny_models import WIDTH, WORDS, write_sentence_encoder


@pytest.fixture(scope="module")
def encoder(encoder_folder):
    return load_sentence_encoder(EncoderConfig(name=str(encoder_folder), max_length=32))


@pytest.fixture(scope="module")
def texts():
    """Many lengths, an empty text, one that is cut, and many characters in few tokens."""
    random = np.random.default_rng(0)
    made = [" ".join(random.choice(WORDS, size=size)) for size in random.integers(1, 20, size=60)]
    return [*made, "", "a " * 100, "psychology dystopia", "q q q q q q q q"]


def encode(encoder, texts, prompt="", batch_tokens=None):
    vectors = np.full((len(texts), WIDTH), np.nan, dtype=np.float32)
    for rows, made in encode_batches(encoder, texts, prompt, batch_tokens):
        assert np.isnan(vectors[rows]).all()  # none is made twice
        vectors[rows] = made
    return vectors


@pytest.mark.parametrize("batch_tokens", [1, 40, None])
def test_float32_vectors_equal_those_of_encode(encoder, texts, batch_tokens):
    plain = encoder.encode(texts, normalize_embeddings=True)
    np.testing.assert_allclose(encode(encoder, texts, "", batch_tokens), plain, atol=1e-6)


def test_texts_tokenized_in_several_pieces_are_the_same(encoder, texts, monkeypatch):
    whole = encode(encoder, texts)
    monkeypatch.setattr(encoding, "NUM_TOKENIZED", 7)
    np.testing.assert_allclose(encode(encoder, texts), whole, atol=1e-6)


def test_a_prompt_is_put_before_every_text_else_the_encoders_own(encoder, texts, monkeypatch):
    given = encoder.encode(texts, prompt="a tale of ", normalize_embeddings=True)
    np.testing.assert_allclose(encode(encoder, texts, "a tale of "), given, atol=1e-6)
    assert np.abs(encode(encoder, texts) - given).max() > 0.01
    monkeypatch.setattr(encoder, "prompts", {"document": "a tale of "})
    monkeypatch.setattr(encoder, "default_prompt_name", "document")
    np.testing.assert_allclose(encode(encoder, texts), given, atol=1e-6)


def test_tokenizers_that_pad_on_the_left_are_understood(encoder, texts, monkeypatch):
    monkeypatch.setattr(encoder.tokenizer, "padding_side", "left")
    # One text at a time is not padded: positions of a BERT are absolute.
    alone = np.concatenate([encoder.encode([text], normalize_embeddings=True) for text in texts])
    np.testing.assert_allclose(encode(encoder, texts, "", 1), alone, atol=1e-6)


def test_vectors_have_length_one_and_need_no_gradient(texts, tmp_path):
    folder = write_sentence_encoder(tmp_path / "encoder", normalize=False)
    vectors = encode(load_sentence_encoder(EncoderConfig(name=str(folder))), texts)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_batches_hold_as_many_texts_as_the_budget():
    """Lengths 6 | 4 4 | 3 3 3 | 2: six of twelve, two fours, three threes and what is left."""
    lengths = torch.tensor([4, 3, 6, 3, 2, 4, 3])
    assert [rows.tolist() for rows in cut_batches(lengths, 11)] == [[2], [0, 5], [1, 3, 6], [4]]
    assert [rows.tolist() for rows in cut_batches(lengths, 1)] == [
        [2],
        [0],
        [5],
        [1],
        [3],
        [6],
        [4],
    ]
    assert list(cut_batches(torch.tensor([], dtype=torch.long), 8)) == []


def test_columns_that_are_padding_in_all_chosen_texts_are_left_out():
    features = {
        "input_ids": torch.tensor([[5, 6, 7, 0], [5, 7, 0, 0], [5, 6, 6, 7]]),
        "attention_mask": torch.tensor([[1, 1, 1, 0], [1, 1, 0, 0], [1, 1, 1, 1]]),
        "modality": "text",
    }
    taken = take_texts(features, torch.tensor([1, 0]))
    assert taken["input_ids"].tolist() == [[5, 7, 0], [5, 6, 7]]
    assert taken["attention_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]
    assert taken["modality"] == "text"
