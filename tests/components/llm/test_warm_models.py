"""What a warm start takes from the sentence encoder."""

import pytest
import torch
from sentence_transformers import SentenceTransformer
from torch import nn

from components.llm.config import WarmStartConfig
from components.llm.warm_models import build_warm_model
from tests.components.tiny_models import make_warm_start


def read_body(encoder_folder):
    return SentenceTransformer(str(encoder_folder), device="cpu")[0].auto_model.state_dict()


def test_an_encoder_decoder_starts_from_the_sentence_encoder(encoder_folder):
    known, llm = read_body(encoder_folder), make_warm_start(encoder_folder)
    for name, weight in llm.model.encoder.state_dict().items():
        assert torch.equal(weight, known[name]), name
    words = known["embeddings.word_embeddings.weight"]
    assert torch.equal(llm.model.decoder.bert.embeddings.word_embeddings.weight, words)
    assert torch.equal(llm.model.decoder.get_output_embeddings().weight, words)


def test_a_causal_llm_is_the_sentence_encoder_that_looks_to_the_left(encoder_folder):
    known, llm = read_body(encoder_folder), make_warm_start(encoder_folder, kind="causal")
    assert not llm.is_encoder_decoder
    body = llm.model.bert.state_dict()
    assert set(known) - set(body) == {"pooler.dense.weight", "pooler.dense.bias"}
    assert all(torch.equal(weight, known[name]) for name, weight in body.items())
    words = known["embeddings.word_embeddings.weight"]
    assert torch.equal(llm.model.get_output_embeddings().weight, words)
    ids = torch.tensor([[5, 30, 12, 45]])
    with torch.no_grad():
        short, long = llm.model(ids[:, :3]).logits, llm.model(ids).logits
    torch.testing.assert_close(long[:, :3], short)


@pytest.mark.parametrize("kind", ["encoder_decoder", "causal"])
def test_what_is_new_is_seeded_and_nothing_drops_out(encoder_folder, kind):
    one, same, other = (make_warm_start(encoder_folder, seed, kind=kind) for seed in (0, 0, 1))
    weights, others = one.model.state_dict(), other.model.state_dict()
    assert all(torch.equal(weights[n], w) for n, w in same.model.state_dict().items())
    assert not all(torch.equal(weights[n], w) for n, w in others.items())
    drops = [m.p for m in one.model.modules() if isinstance(m, nn.Dropout)]
    assert drops and not any(drops)


def test_an_encoder_that_is_no_bert_is_refused(encoder_folder):
    encoder = SentenceTransformer(str(encoder_folder), device="cpu")
    encoder[0].auto_model.config.model_type = "mpnet"
    with pytest.raises(ValueError, match="BERT-like encoder, not 'mpnet'"):
        build_warm_model(encoder, WarmStartConfig(), 0)
