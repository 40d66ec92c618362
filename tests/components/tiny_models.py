"""Tiny random models, made on the spot: a sentence encoder and three kinds of LLM."""

import json
import string
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizerFast,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from components.llm.frozen_llm import FrozenLLM
from components.llm.warm_start import build_encoder_decoder

WIDTH = 16
WORDS = ("sci", "fi", "action", "based", "on", "a", "book", "tale", "of", "time", "travel")
WORDS += ("comedy", "violence", "classic", "romance", "fantasy", "psychology", "dystopia")
KINDS = ("t5", "gated_t5", "warm_start", "llama", "qwen")
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


def make_llama(seed: int = 0) -> FrozenLLM:
    """Make a random LLM that only decodes."""
    torch.manual_seed(seed)
    tokenizer = make_tokenizer("<s>", "")
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        initializer_range=0.3,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
    )
    return FrozenLLM(LlamaForCausalLM(config), tokenizer)


def make_qwen(seed: int = 0) -> FrozenLLM:
    """Make a random LLM that only decodes, with biases, tied and padded embeddings."""
    torch.manual_seed(seed)
    tokenizer = make_tokenizer("", "")
    config = Qwen2Config(
        vocab_size=len(tokenizer) + PADDING_ROWS,
        hidden_size=WIDTH,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        initializer_range=0.3,
        tie_word_embeddings=True,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
    )
    return FrozenLLM(Qwen2ForCausalLM(config), tokenizer)


def make_warm_start(encoder_folder: Path, seed: int = 0) -> FrozenLLM:
    """Make the encoder-decoder that starts from the sentence encoder, not tuned yet."""
    return build_encoder_decoder(SentenceTransformer(str(encoder_folder), device="cpu"), 1, seed)


def make_llm(kind: str, encoder_folder: Path) -> FrozenLLM:
    """Make an LLM of one of `KINDS`."""
    if kind == "warm_start":
        return make_warm_start(encoder_folder)
    if kind in ("t5", "gated_t5"):
        return make_t5(is_gated=kind == "gated_t5")
    return make_llama() if kind == "llama" else make_qwen()
