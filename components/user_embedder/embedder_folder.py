"""Saving and loading a trained user embedder: only what was trained, as safetensors and JSON."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict
from safetensors.torch import load_file, save_file

from components.encoders.config import EncoderConfig
from components.encoders.sentence_encoder import load_sentence_encoder
from components.folder import Folder, hash_file
from components.optimization.parameters import trained_parameters
from components.user_embedder.config import EmbedderConfig
from components.user_embedder.user_embedder import Aggregation, UserEmbedder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

WEIGHTS = "user_embedder.safetensors"
CARD = "user_embedder.json"
INPUT_ENCODER = "input_encoder."
TOKEN_EMBEDDINGS = "embeddings.word_embeddings"
SCALE = "scale"
STANDARDS = ("aggregator.center", "projector.spread")


class EmbedderCard(BaseModel):
    """All that is needed, beside the weights, to build a user embedder again."""

    model_config = ConfigDict(frozen=True)

    aggregation: Aggregation
    embedder: EmbedderConfig
    encoder: EncoderConfig
    """With the revision that was loaded: another one is refused."""
    encoder_weights_sha256: str
    encoder_fingerprint: str
    encoder_dim: int
    llm_dim: int
    llm_hash: str
    """Of the LLM's folder, which holds a hub LLM's name and commit only."""
    llm_weights_sha256: str
    scale: float

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Read the card of a folder."""
        return cls.model_validate_json((directory / CARD).read_text("utf-8"))


def build_user_embedder(
    card: EmbedderCard, input_encoder: "SentenceTransformer | None" = None
) -> UserEmbedder:
    """Build an untrained user embedder whose input encoder starts from the history encoder.

    The token embeddings of an input encoder that is trained stay as they are: half of its weights,
    and the layers above them can learn what a new task asks for.

    Args:
        card: Its shape.
        input_encoder: The history encoder's copy; loaded by the card if not given.
    """
    encoder = None
    if card.aggregation is Aggregation.ATTENTION:
        trainable = card.encoder.model_copy(update={"precision": "float32"})
        encoder = input_encoder or load_sentence_encoder(trainable)
    embedder = UserEmbedder(
        card.embedder, card.aggregation, encoder, card.encoder_dim, card.llm_dim, card.scale
    )
    for name, parameter in embedder.named_parameters():
        parameter.requires_grad_(is_trained(name, card.embedder))
    return embedder


def is_trained(name: str, config: EmbedderConfig) -> bool:
    """Tell whether a parameter of the user embedder is trained, in itself or by adapters."""
    if not name.startswith(INPUT_ENCODER):
        return True
    is_used = TOKEN_EMBEDDINGS not in name and "pooler" not in name
    return config.input_encoder != "shared" and is_used


class EmbedderFolder(Folder):
    """A trained user embedder: weights, card and the curve of its training."""

    def card(self) -> EmbedderCard:
        """Return what describes the embedder."""
        return EmbedderCard.read(self.path)

    def curve(self) -> list[dict[str, float]]:
        """Return the training curve: step, epoch, loss, dev_loss."""
        curve: list[dict[str, float]] = json.loads((self.path / "curve.json").read_text("utf-8"))
        return curve

    def weights_hash(self) -> str:
        """Return the sha256 of the weights: what tells one trained embedder from another."""
        return hash_file(self.path / WEIGHTS)

    def load(self, device: str = "cpu") -> UserEmbedder:
        """Build the embedder and put the trained weights into it, in evaluation mode.

        Raises:
            ValueError: If the file's keys are not exactly those that are saved.
        """
        embedder = build_user_embedder(self.card())
        weights = load_file(self.path / WEIGHTS)
        expected = set(saved_names(embedder, self.card().embedder))
        if set(weights) != expected:
            odd = sorted(set(weights) ^ expected)
            raise ValueError(f"{self.path / WEIGHTS}: keys missing or unknown: {odd[:3]}")
        embedder.load_state_dict(weights, strict=False)  # the rest is as the encoder has it
        return embedder.requires_grad_(False).eval().to(device)


def trained_names(embedder: UserEmbedder) -> list[str]:
    """Return the names of the parameters that are trained: the one list of them."""
    return list(trained_parameters(embedder))


def saved_names(embedder: UserEmbedder, config: EmbedderConfig) -> list[str]:
    """Return what is saved: what is trained, and what vectors are standardized by."""
    return [
        name
        for name in embedder.state_dict()
        if name in STANDARDS or (name != SCALE and is_trained(name, config))
    ]


def save_user_embedder(
    embedder: UserEmbedder,
    card: EmbedderCard,
    curve: Sequence[dict[str, Any]],
    directory: Path,
) -> EmbedderFolder:
    """Write the weights, the card and the curve into an existing directory."""
    state = embedder.state_dict()
    weights = {
        name: state[name].cpu().contiguous() for name in saved_names(embedder, card.embedder)
    }
    save_file(weights, directory / WEIGHTS)
    (directory / CARD).write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
    (directory / "curve.json").write_text(json.dumps(list(curve)) + "\n", encoding="utf-8")
    return EmbedderFolder.at(directory)
