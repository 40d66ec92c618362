"""Batches by hand, and the history that a presentation keeps."""

import numpy as np
import pytest
import torch

from components.encoders.config import EncoderConfig
from components.encoders.sentence_encoder import load_tokenizer
from components.user_embedder.collator import Example, PersonaCollator, drop_history, pad_histories
from components.user_embedder.config import EmbedderConfig
from components.user_embedder.user_embedder import Aggregation
from tests.components.tiny_models import make_t5
from tests.components.user_embedder.cards import make_card


def test_dropout_keeps_half_to_all_in_order():
    kept = [drop_history(10, 0.5, 1.0, np.random.default_rng(seed)) for seed in range(500)]
    assert {len(rows) for rows in kept} == set(range(5, 11))
    assert all((np.diff(rows) > 0).all() for rows in kept)
    counts = np.bincount(np.concatenate(kept), minlength=10)
    assert counts.min() > 0.9 * counts.max()  # no item is favoured
    odd = [len(drop_history(5, 0.5, 1.0, np.random.default_rng(seed))) for seed in range(99)]
    assert set(odd) == {3, 4, 5}


def test_one_presentation_in_eleven_is_whole_besides():
    rng = np.random.default_rng(0)
    wholes = [len(drop_history(100, 0.5, 10 / 11, rng)) == 100 for _ in range(4000)]
    # One in eleven, and of the others one of the 51 sizes.
    assert np.mean(wholes) == pytest.approx(1 / 11 + 10 / 11 / 51, abs=0.02)


@pytest.mark.parametrize(("num_items", "probability"), [(0, 1.0), (1, 1.0), (2, 1.0), (9, 0.0)])
def test_short_histories_stay_whole(num_items, probability):
    for seed in range(20):
        kept = drop_history(num_items, 0.5, probability, np.random.default_rng(seed))
        assert kept.tolist() == list(range(num_items))


def test_histories_are_padded_to_the_batchs_longest():
    one, two = np.array([[1, 2]], np.float16), np.array([[3, 4], [5, 6]], np.float16)
    vectors, mask = pad_histories([one, two, two[:0]], 2)
    assert vectors.dtype == torch.float32
    assert vectors.tolist() == [[[1, 2], [0, 0]], [[3, 4], [5, 6]], [[0, 0], [0, 0]]]
    assert mask.tolist() == [[1, 0], [1, 1], [0, 0]]
    vectors, mask = pad_histories([two[:0]] * 3, 2)
    assert (vectors.shape, mask.shape) == ((3, 0, 2), (3, 0))


def test_a_batch_holds_what_embedder_and_llm_read(encoder_folder):
    llm = make_t5()
    tokenizer = load_tokenizer(EncoderConfig(name=str(encoder_folder)))
    card = make_card(encoder_folder, Aggregation.ATTENTION, 16, 1.0).model_copy(
        update={
            "encoder": EncoderConfig(name=str(encoder_folder), query_prompt="book "),
            "encoder_dim": 2,
            "embedder": EmbedderConfig(max_input_length=8, max_history_items=2),
        }
    )
    collate = PersonaCollator(llm, tokenizer, card, 6)
    history = np.arange(6, dtype=np.float16).reshape(3, 2)
    long = Example("a", "a tale of time travel on a book", history[:0])
    asked = [Example("ask: time", "time", history), long]
    batch = collate(asked)
    assert "labels" not in batch
    words = [tokenizer.convert_ids_to_tokens(row) for row in batch["input_ids"]]
    assert words[0] == ["[CLS]", "book", "time", "[SEP]", *["[PAD]"] * 4]
    assert words[1] == ["[CLS]", "book", "a", "tale", "of", "time", "travel", "[SEP]"]  # cut at 8
    assert batch["attention_mask"].sum(dim=1).tolist() == [4, 8]
    assert llm.tokenizer.batch_decode(batch["llm_input_ids"])[0] == "ask: </s>"  # cut at six
    assert batch["llm_attention_mask"].sum(dim=1).tolist() == [6, 2]
    assert batch["history"][0].tolist() == [[2, 3], [4, 5]]  # the newest two of three
    assert batch["history_mask"].tolist() == [[1, 1], [0, 0]]
    answered = collate([example._replace(answer="b") for example in asked])
    assert answered["labels"].shape == (2, 2)
