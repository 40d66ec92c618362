"""Behavior vectors: what the frozen history encoder makes of every history item.

PPlug section 3.2: `h_i = Enc_his(h_i)`, computed once and stored, as the encoder never changes.
Letters: N items, E encoder width.
"""

import hashlib
import json
import logging
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from tqdm import tqdm

from components.encoders.config import EncoderConfig
from components.encoders.encoding import encode_batches
from components.encoders.sentence_encoder import load_sentence_encoder, locate_encoder
from components.folder import Folder
from components.model_files import hash_weights

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

logger = logging.getLogger(__name__)


class BehaviorVectors(Folder):
    """One float16 row for every row of the history items."""

    def open(self) -> np.ndarray:
        """Return the vectors, float16 [N, E], mapped into memory."""
        vectors: np.ndarray = np.load(self.path / "vectors.npy", mmap_mode="r")
        return vectors

    @property
    def fingerprint(self) -> str:
        """Which encoder made the vectors: two encoders never share it."""
        return str(self.describe()["fingerprint"])

    def describe(self) -> dict[str, str]:
        """Return what the fingerprint was made from, the fingerprint, the weights' sha256."""
        description: dict[str, str] = json.loads((self.path / "encoder.json").read_text("utf-8"))
        return description


def describe_encoder(
    encoder: "SentenceTransformer", config: EncoderConfig, history_template: str
) -> dict[str, str]:
    """Return everything that a behavior vector depends on, and a fingerprint of it.

    Args:
        encoder: The encoder that `config` loads.
        config: Its settings.
        history_template: How history items are rendered.
    """
    _, revision = locate_encoder(config)
    description = {
        "name": config.name,
        "revision": revision,
        "pooling": describe_pooling(encoder),
        "prompt": config.prompt,
        "max_length": str(config.max_length),
        "history_template": history_template,
        "back_end": f"torch-{config.precision}",
        "sentence_transformers": version("sentence-transformers").split(".")[0],
    }
    text = json.dumps(description, sort_keys=True)
    return {**description, "fingerprint": hashlib.sha256(text.encode()).hexdigest()[:16]}


def describe_pooling(encoder: "SentenceTransformer") -> str:
    """Return how token vectors become one ("mean", "cls+max"); empty for a model without pooling.

    What comes after pooling has no say here: every vector is normalised.
    """
    modes = [getattr(module, "pooling_mode", ()) for module in encoder]
    return "+".join("+".join([mode] if isinstance(mode, str) else mode) for mode in modes if mode)


def find_device() -> str:
    """Return `cuda` where there is a GPU, else `cpu`."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def encode_texts(
    encoder: "SentenceTransformer", texts: list[str], config: EncoderConfig
) -> np.ndarray:
    """Encode each distinct text once; returns float16 [len(texts), E].

    Raises:
        ValueError: If a vector holds something that is no number, naming the text's position.
    """
    distinct = sorted(set(texts))
    rows = {text: row for row, text in enumerate(distinct)}
    width = encoder.get_embedding_dimension()
    vectors = np.empty((len(distinct), width), dtype=np.float16)
    # A few texts, as one request's, show no bar.
    with tqdm(total=len(distinct), desc="encoding", unit=" texts", delay=2, leave=None) as bar:
        for batch, made in encode_batches(encoder, distinct, config.prompt, config.batch_tokens):
            vectors[batch] = made
            bar.update(len(batch))
    picked = vectors[[rows[text] for text in texts]] if texts else vectors
    broken = np.flatnonzero(~np.isfinite(picked).all(axis=1))
    if len(broken):
        raise ValueError(f"history item row {broken[0]}: its behavior vector is not a number")
    return picked


def encode_histories(
    texts: list[str], history_template: str, config: EncoderConfig, directory: Path
) -> BehaviorVectors:
    """Encode all history items and write their vectors, aligned with the items' rows.

    Args:
        texts: The rendered items, in row order.
        history_template: How they were rendered; part of the fingerprint.
        config: The encoder.
        directory: An existing directory to write into.
    """
    encoder = load_sentence_encoder(config, find_device())
    description = describe_encoder(encoder, config, history_template)
    description["weights_sha256"] = hash_weights(*locate_encoder(config))
    np.save(directory / "vectors.npy", encode_texts(encoder, texts, config))
    text = json.dumps(description, indent=1, sort_keys=True)
    (directory / "encoder.json").write_text(text + "\n", encoding="utf-8")
    return BehaviorVectors.at(directory)
