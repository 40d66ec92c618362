"""Tiny random models, made on the spot: a sentence encoder and the main kinds of LLM."""

import json
import string
from functools import partial
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizerFast,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    GraniteConfig,
    GraniteForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from components.llm.config import WarmStartConfig
from components.llm.frozen_llm import FrozenLLM
from components.llm.warm_models import build_warm_model

WIDTH = 16
WORDS = ("sci", "fi", "action", "based", "on", "a", "book", "tale", "of", "time", "travel")
WORDS += ("comedy", "violence", "classic", "romance", "fantasy", "psychology", "dystopia")
ENCODER_DECODERS = ("t5", "gated_t5", "warm_start")
DECODERS = ("warm_causal", "llama", "qwen", "gemma", "granite", "gpt2", "chat")
KINDS = ENCODER_DECODERS + DECODERS
WINDOW = 8
"""Places that a layer of Gemma looks back."""
CHAT_TEMPLATE = (
    "<s>{% for message in messages %}<|{{ message.role }}|>{{ message.content | trim }}<|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{{ opening }}{% endif %}"
)
PADDING_ROWS = 7
"""Rows of a padded vocabulary that no token has."""


def write_sentence_encoder(directory: Path, seed: int = 0, normalize: bool = True) -> Path:
    """Write a random two-layer BERT with a WordPiece vocabulary as sentence-transformers does."""
    directory.mkdir(parents=True)
    marks = string.digits + string.punctuation
    pieces = [*string.ascii_lowercase, *(f"##{c}" for c in string.ascii_lowercase + string.digits)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *marks, *pieces, *WORDS]
    vocabulary = list(dict.fromkeys(vocabulary))
    (directory / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    tokenizer = BertTokenizerFast(vocab=str(directory / "vocab.txt"), model_max_length=128)
    tokenizer.save_pretrained(directory)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=128,
        initializer_range=0.3,
    )
    BertModel(config).save_pretrained(directory)
    names = ["Transformer", "Pooling", *(["Normalize"] if normalize else [])]
    modules = [
        {
            "idx": index,
            "name": str(index),
            "path": "" if index == 0 else f"{index}_{name}",
            "type": f"sentence_transformers.models.{name}",
        }
        for index, name in enumerate(names)
    ]
    (directory / "modules.json").write_text(json.dumps(modules))
    (directory / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": WIDTH, "pooling_mode_mean_tokens": True}
    (directory / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    if normalize:
        (directory / "2_Normalize").mkdir()
    return directory


def make_tokenizer(prefix: str, suffix: str) -> PreTrainedTokenizerFast:
    """Make a tokenizer of bytes, which decodes what it encoded exactly."""
    special = ["<pad>", "</s>", "<s>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*special, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.add_special_tokens(special)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{prefix} $A {suffix}".strip(), special_tokens=[("</s>", 1), ("<s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", bos_token="<s>"
    )


def make_t5(seed: int = 0, is_gated: bool = False) -> FrozenLLM:
    """Make a random encoder-decoder without absolute positions.

    Gated is FLAN-T5's form: gated GELU, an output layer of its own, a padded vocabulary.
    """
    torch.manual_seed(seed)
    tokenizer = make_tokenizer("", "</s>")
    form = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False} if is_gated else {}
    config = T5Config(
        **form,
        vocab_size=len(tokenizer) + (PADDING_ROWS if is_gated else 0),
        d_model=WIDTH,
        d_kv=8,
        d_ff=32,
        num_layers=2,
        num_heads=2,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
    )
    return FrozenLLM(T5ForConditionalGeneration(config), tokenizer)


SHAPE = {
    "hidden_size": WIDTH,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "initializer_range": 0.3,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "bos_token_id": 2,
}


def make_llama(seed: int = 0) -> FrozenLLM:
    """Make a random LLM that only decodes."""
    torch.manual_seed(seed)
    tokenizer = make_tokenizer("<s>", "")
    config = LlamaConfig(**SHAPE, vocab_size=len(tokenizer))
    return FrozenLLM(LlamaForCausalLM(config), tokenizer)


def make_qwen(seed: int = 0) -> FrozenLLM:
    """Make a random LLM that only decodes, with biases, tied and padded embeddings."""
    torch.manual_seed(seed)
    tokenizer = make_tokenizer("", "")
    config = Qwen2Config(
        **{**SHAPE, "bos_token_id": None},
        vocab_size=len(tokenizer) + PADDING_ROWS,
        tie_word_embeddings=True,
    )
    return FrozenLLM(Qwen2ForCausalLM(config), tokenizer)


def make_gemma(seed: int = 0) -> FrozenLLM:
    """Make a random LLM that scales its embeddings; every other layer looks back a window."""
    torch.manual_seed(seed)
    tokenizer = make_tokenizer("<s>", "")
    config = Gemma3TextConfig(
        **SHAPE,
        vocab_size=len(tokenizer),
        head_dim=8,
        sliding_window=WINDOW,
        layer_types=["sliding_attention", "full_attention"],
    )
    return FrozenLLM(Gemma3ForCausalLM(config), tokenizer)


def make_granite(seed: int = 0) -> FrozenLLM:
    """Make a random LLM that multiplies embeddings, attention, residuals and logits."""
    torch.manual_seed(seed)
    tokenizer = make_tokenizer("", "")
    config = GraniteConfig(
        **SHAPE,
        vocab_size=len(tokenizer),
        embedding_multiplier=3.0,
        attention_multiplier=0.5,
        residual_multiplier=0.7,
        logits_scaling=2.0,
    )
    return FrozenLLM(GraniteForCausalLM(config), tokenizer)


def make_gpt2(seed: int = 0) -> FrozenLLM:
    """Make a random LLM that only decodes, with learned absolute positions."""
    torch.manual_seed(seed)
    tokenizer = make_tokenizer("", "")
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_embd=WIDTH,
        n_layer=2,
        n_head=2,
        n_positions=256,
        initializer_range=0.3,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=1,
    )
    return FrozenLLM(GPT2LMHeadModel(config), tokenizer)


def make_chat_tokenizer() -> PreTrainedTokenizerFast:
    """Make a tokenizer with a chat template whose turns end with a token of their own."""
    tokenizer = make_tokenizer("<s>", "")
    tokenizer.add_special_tokens(
        {"additional_special_tokens": ["<|user|>", "<|assistant|>", "<|end|>"]}
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def make_chat(seed: int = 0) -> FrozenLLM:
    """Make a random LLM that is asked by its chat template."""
    torch.manual_seed(seed)
    tokenizer = make_chat_tokenizer()
    config = LlamaConfig(**SHAPE, vocab_size=len(tokenizer))
    return FrozenLLM(LlamaForCausalLM(config), tokenizer, {"opening": "so: "})


def make_warm_start(encoder_folder: Path, seed: int = 0, **changes: Any) -> FrozenLLM:
    """Make the LLM that starts from the sentence encoder, not tuned yet."""
    encoder = SentenceTransformer(str(encoder_folder), device="cpu")
    return build_warm_model(encoder, WarmStartConfig(**changes), seed)


MAKERS = {
    "t5": make_t5,
    "gated_t5": partial(make_t5, is_gated=True),
    "llama": make_llama,
    "qwen": make_qwen,
    "gemma": make_gemma,
    "granite": make_granite,
    "gpt2": make_gpt2,
    "chat": make_chat,
}


def make_llm(kind: str, encoder_folder: Path) -> FrozenLLM:
    """Make an LLM of one of `KINDS`."""
    if kind in ("warm_start", "warm_causal"):
        shape = "causal" if kind == "warm_causal" else "encoder_decoder"
        return make_warm_start(encoder_folder, kind=shape)
    return MAKERS[kind]()
