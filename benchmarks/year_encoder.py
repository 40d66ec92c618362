"""A smaller sentence encoder: the lowest layers of the bundled one, so that a week costs little."""

from pathlib import Path

from components.encoders.config import EncoderConfig
from components.encoders.sentence_encoder import load_sentence_encoder


def write_small_encoder(directory: Path, num_layers: int) -> None:
    """Write the bundled encoder without its higher layers, as sentence-transformers lays it out.

    Histories, inputs and the LLM's warm start all go through it, so a training with 2 of 6 layers
    takes about a third of the time.
    """
    encoder = load_sentence_encoder(EncoderConfig())
    body = encoder[0].model
    body.encoder.layer = body.encoder.layer[:num_layers]
    body.config.num_hidden_layers = num_layers
    encoder.save(str(directory), create_model_card=False)
