"""Cards of tiny user embedders for tests."""

from pathlib import Path

from components.encoders.config import EncoderConfig
from components.user_embedder.config import EmbedderConfig
from components.user_embedder.embedder_folder import EmbedderCard
from components.user_embedder.user_embedder import Aggregation
from tests.components.tiny_models import WIDTH


def make_card(
    encoder_folder: Path, aggregation: Aggregation, llm_dim: int, scale: float
) -> EmbedderCard:
    """Describe an embedder with a hidden layer of eight."""
    return EmbedderCard(
        aggregation=aggregation,
        embedder=EmbedderConfig(temperature=None, hidden_dim=8),
        encoder=EncoderConfig(name=str(encoder_folder)),
        encoder_weights_sha256="weights",
        encoder_fingerprint="tiny",
        encoder_dim=WIDTH,
        llm_dim=llm_dim,
        llm_hash="llm",
        llm_weights_sha256="weights",
        scale=scale,
    )
