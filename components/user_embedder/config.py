"""Settings of the user embedder's shape."""

from pydantic import Field

from components.config import Config


class EmbedderConfig(Config):
    """What the user embedder is made of (PPlug sections 3.2 to 3.4)."""

    temperature: float | None = Field(
        0.1,
        gt=0,
        description="Divides the attention's logits; none, as in the paper, is a temperature of 1.",
    )
    has_recency: bool = Field(
        True,
        description=(
            "Whether the attention learns how much lately given items count; in the paper all "
            "count alike, however old."
        ),
    )
    hidden_dim: int = Field(1024, ge=1, description="Width of the projector's hidden layer.")
    max_history_items: int = Field(
        512, ge=1, description="Most history items that are read, the newest ones."
    )
    max_input_length: int = Field(128, ge=8, description="Longest input read, in tokens.")
