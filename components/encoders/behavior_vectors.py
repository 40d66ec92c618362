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

from components.encoders.config import REFERENCE, EncoderConfig
from components.encoders.encoding import encode_texts
from components.encoders.parity import check_parity
from components.encoders.sentence_encoder import load_history_encoder, locate_encoder
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
        """Return what the fingerprint was made from, the fingerprint, the weights' sha256.

        Of another back end than float32 on torch also `cosine_p01`, how faithful it was.
        """
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
        "back_end": config.back_end,
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


def encode_histories(
    texts: list[str], history_template: str, config: EncoderConfig, directory: Path
) -> BehaviorVectors:
    """Encode all history items and write their vectors, aligned with the items' rows.

    Args:
        texts: The rendered items, in row order.
        history_template: How they were rendered; part of the fingerprint.
        config: The encoder.
        directory: An existing directory to write into.

    Raises:
        ValueError: If the encoder's back end is not faithful, or a vector is not a number.
    """
    encoder = load_history_encoder(config, find_device())
    description = describe_encoder(encoder, config, history_template)
    if config.back_end != REFERENCE:
        description["cosine_p01"] = f"{check_parity(encoder, texts, config):.5f}"
    description["weights_sha256"] = hash_weights(*locate_encoder(config))
    np.save(directory / "vectors.npy", encode_texts(encoder, texts, config))
    text = json.dumps(description, indent=1, sort_keys=True)
    (directory / "encoder.json").write_text(text + "\n", encoding="utf-8")
    return BehaviorVectors.at(directory)
