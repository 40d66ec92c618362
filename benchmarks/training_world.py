"""Models and histories that the trainings are timed on: shapes count, weights do not."""

import gzip
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor, nn

from components.llm.frozen_llm import FrozenLLM

MIN_EVENTS, MAX_HISTORY = 10, 512
VOCABULARY = 30_522


@dataclass(frozen=True)
class Question:
    """One event of a user, and the events before it."""

    text: str
    answer: str
    history: np.ndarray
    """Rows of the vectors, oldest first, int64 [H]."""


@dataclass(frozen=True)
class Shape:
    """Sizes of the models of one row of the table."""

    make_llm: Callable[[transformers.PreTrainedTokenizerBase], transformers.PreTrainedModel]
    encoder: dict[str, int]
    dtype: torch.dtype


class MeanPooled(nn.Module):
    """A BERT whose sentence vector is the mean over tokens, as sentence-transformers gives it."""

    def __init__(self, sizes: dict[str, int]) -> None:
        super().__init__()
        config = transformers.BertConfig(vocab_size=VOCABULARY, **sizes)
        self.body = transformers.BertModel(config, add_pooling_layer=False)

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return `sentence_embedding`, float [B, E]."""
        states_BTE = self.body(**features).last_hidden_state
        mask_BT1 = features["attention_mask"][..., None].to(states_BTE.dtype)
        mean_BE = (states_BTE * mask_BT1).sum(dim=1) / mask_BT1.sum(dim=1)
        return {"sentence_embedding": mean_BE}


MINI_LM = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12}
MINI_LM |= {"intermediate_size": 1536, "max_position_embeddings": 512}
BGE_BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12}
BGE_BASE |= {"intermediate_size": 3072, "max_position_embeddings": 512}
TINY = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
TINY |= {"intermediate_size": 32, "max_position_embeddings": 512}


def make_warm_start(sizes: dict[str, int], num_decoder_layers: int = 1):  # type: ignore[no-untyped-def]
    """Return what makes an encoder-decoder as `components.llm.warm_start` builds it."""

    def make(tokenizer: transformers.PreTrainedTokenizerBase) -> transformers.PreTrainedModel:
        reads = transformers.BertConfig(vocab_size=VOCABULARY, **sizes)
        told = {"is_decoder": True, "add_cross_attention": True, "vocab_size": VOCABULARY}
        says = transformers.BertConfig(**sizes | {"num_hidden_layers": num_decoder_layers}, **told)
        config = transformers.EncoderDecoderConfig.from_encoder_decoder_configs(reads, says)
        config.decoder_start_token_id = tokenizer.cls_token_id
        config.pad_token_id = tokenizer.pad_token_id
        config.eos_token_id = tokenizer.sep_token_id
        return transformers.EncoderDecoderModel(config)

    return make


def make_t5_large(tokenizer: transformers.PreTrainedTokenizerBase) -> transformers.PreTrainedModel:
    """Make an LLM of FLAN-T5-large's shape, 0.8 billion parameters."""
    sizes = {"d_model": 1024, "d_kv": 64, "d_ff": 2816, "num_layers": 24, "num_heads": 16}
    return transformers.T5ForConditionalGeneration(
        transformers.T5Config(
            vocab_size=32_128,
            feed_forward_proj="gated-gelu",
            tie_word_embeddings=False,
            decoder_start_token_id=tokenizer.pad_token_id,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.sep_token_id,
            **sizes,
        )
    )


def make_causal(tokenizer: transformers.PreTrainedTokenizerBase) -> transformers.PreTrainedModel:
    """Make a decoder-only LLM of 1.5 billion parameters."""
    return transformers.Qwen2ForCausalLM(
        transformers.Qwen2Config(
            vocab_size=VOCABULARY,
            hidden_size=2048,
            intermediate_size=5632,
            num_hidden_layers=32,
            num_attention_heads=16,
            num_key_value_heads=4,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.sep_token_id,
        )
    )


SHAPES = {
    "quickstart": Shape(make_warm_start(MINI_LM), MINI_LM, torch.float32),
    "tiny": Shape(make_warm_start(TINY), TINY, torch.float32),
    "t5_large": Shape(make_t5_large, BGE_BASE, torch.bfloat16),
    "causal_1.5b": Shape(make_causal, BGE_BASE, torch.bfloat16),
}


def read_events(path: Path) -> dict[str, list[tuple[str, str]]]:
    """Return (review, score) of each user with enough of them, by time."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = sorted(map(json.loads, lines), key=lambda row: (row["user_id"], row["timestamp"]))
    grouped = itertools.groupby(rows, key=lambda row: row["user_id"])
    users = {user: [(row["review"], str(row["score"])) for row in group] for user, group in grouped}
    return {user: events for user, events in users.items() if len(events) >= MIN_EVENTS}


def invent_events(num_users: int = 300, seed: int = 0) -> dict[str, list[tuple[str, str]]]:
    """Return events as long, and as many a user, as critics' reviews are; seeded."""
    rng = np.random.default_rng(seed)
    words = np.array([f"word{number}" for number in range(5_000)])
    sizes = np.clip(rng.lognormal(np.log(25), 0.9, num_users), MIN_EVENTS, MAX_HISTORY).astype(int)
    users = {}
    for user, size in enumerate(sizes):
        lengths = np.clip(rng.normal(20, 7, size), 3, 45).astype(int)
        texts = (" ".join(rng.choice(words, length)) for length in lengths)
        users[str(user)] = [(text, str(rng.integers(1, 6))) for text in texts]
    return users


def list_questions(
    users: dict[str, list[tuple[str, str]]], size: int, seed: int = 0
) -> tuple[list[Question], int]:
    """Return a seeded sample of the events with earlier ones, and how many events there are."""
    questions, first = [], 0
    for events in users.values():
        for number, (text, answer) in enumerate(events):
            rows = np.arange(first + max(0, number - MAX_HISTORY), first + number)
            if number:
                questions.append(Question(text, answer, rows))
        first += len(events)
    chosen = np.random.default_rng(seed).permutation(len(questions))[:size]
    return [questions[row] for row in chosen], first


def make_tokenizer(texts: Sequence[str]) -> transformers.PreTrainedTokenizerFast:
    """Make a WordPiece tokenizer for the texts, as BERT's are."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCABULARY, special_tokens=special, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    ids = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=ids)
    names = dict(zip(("pad", "unk", "cls", "sep", "mask"), special, strict=True))
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **{f"{name}_token": token for name, token in names.items()}
    )


def make_llm(shape: Shape, tokenizer: transformers.PreTrainedTokenizerBase) -> FrozenLLM:
    """Make the frozen LLM; its tokenizer is the encoder's."""
    torch.manual_seed(0)
    tokenizer.eos_token = tokenizer.sep_token
    return FrozenLLM(shape.make_llm(tokenizer).to(shape.dtype), tokenizer)


def draw_vectors(num_items: int, dim: int) -> np.ndarray:
    """Return unit vectors, float16 [N, E], seeded."""
    vectors = np.random.default_rng(0).standard_normal((num_items, dim), dtype=np.float32)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
