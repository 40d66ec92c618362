"""Small LLMs made without any model hub, of a sentence encoder's weights (Rothe et al. 2020)."""

from typing import TYPE_CHECKING

import torch
import transformers
from torch import nn

from components.llm.config import WarmStartConfig
from components.llm.frozen_llm import FrozenLLM

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def build_warm_model(
    encoder: "SentenceTransformer", config: WarmStartConfig, seed: int
) -> FrozenLLM:
    """Make an LLM that is not tuned yet, seeded; nothing in it is dropped out.

    Raises:
        ValueError: If the sentence encoder is not BERT-like.
    """
    body, tokenizer = encoder[0].auto_model, encoder.tokenizer
    if body.config.model_type != "bert":
        raise ValueError(f"warm_start needs a BERT-like encoder, not {body.config.model_type!r}")
    torch.manual_seed(seed)
    if config.kind == "causal":
        model = _build_causal(body)
        special = {"bos_token_id": tokenizer.cls_token_id}
    else:
        model = _build_encoder_decoder(body, config.num_decoder_layers)
        special = {"decoder_start_token_id": tokenizer.cls_token_id}
    switch_off_dropout(model)
    special |= {"eos_token_id": tokenizer.sep_token_id, "pad_token_id": tokenizer.pad_token_id}
    for target in (model.config, model.generation_config):
        for name, value in special.items():
            setattr(target, name, value)
    model.config.vocab_size = body.config.vocab_size
    return FrozenLLM(model, tokenizer)


def _build_encoder_decoder(
    body: transformers.BertModel, num_decoder_layers: int
) -> transformers.EncoderDecoderModel:
    """Join the encoder and a new decoder of the same width.

    The decoder starts from the encoder's highest layers, its cross-attention from their
    self-attention.
    """
    settings = {**body.config.to_dict(), "num_hidden_layers": num_decoder_layers}
    settings |= {"is_decoder": True, "add_cross_attention": True, "tie_word_embeddings": True}
    decoder = transformers.BertLMHeadModel(transformers.BertConfig(**settings))
    decoder.bert.embeddings.load_state_dict(body.embeddings.state_dict())
    for new, known in zip(
        decoder.bert.encoder.layer, body.encoder.layer[-num_decoder_layers:], strict=True
    ):
        new.load_state_dict(known.state_dict(), strict=False)
        new.crossattention.load_state_dict(known.attention.state_dict(), strict=False)
    decoder.tie_weights()
    return transformers.EncoderDecoderModel(encoder=body, decoder=decoder)


def _build_causal(body: transformers.BertModel) -> transformers.BertLMHeadModel:
    """Let the encoder's layers attend to the left alone, and say the next token."""
    settings = {**body.config.to_dict(), "is_decoder": True, "tie_word_embeddings": True}
    model = transformers.BertLMHeadModel(transformers.BertConfig(**settings))
    model.bert.load_state_dict(body.state_dict(), strict=False)  # all but its pooler
    model.tie_weights()
    return model


def switch_off_dropout(model: nn.Module) -> None:
    """Drop nothing out: a few hundred steps on fresh questions underfit, they don't overfit."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0


def name_pretrained(llm: FrozenLLM) -> str:
    """Return the part of a warm-started model that came from the sentence encoder."""
    return "encoder" if llm.is_encoder_decoder else "bert"
