"""Settings of the user embedder's shape."""

from typing import Literal

from pydantic import Field

from components.config import Config


class EmbedderConfig(Config):
    """What the user embedder is made of (PPlug sections 3.2 to 3.4).

    What won and what did not is in docs/experiments.md; configs/paper.yaml has the paper's own.
    """

    num_persona_tokens: int = Field(
        1, ge=1, description="Vectors that the persona embedding is; one in the paper."
    )
    temperature: float | None = Field(
        0.1,
        gt=0,
        description="Divides the attention's logits; none, as in the paper, is a temperature of 1.",
    )
    learns_temperature: bool = Field(
        False, description="Whether the temperature is only where training starts from."
    )
    has_recency: bool = Field(
        True,
        description=(
            "Whether the attention learns how much lately given items count; in the paper all "
            "count alike, however old."
        ),
    )
    input_encoder: Literal["trained", "lora", "shared"] = Field(
        "trained",
        description=(
            "What reads the input: a copy of the history encoder that is trained, as in the paper, "
            "one with trained low-rank adapters, or the history encoder as it is."
        ),
    )
    lora_rank: int = Field(8, ge=1, description="Rank of the input encoder's adapters.")
    hidden_dim: int = Field(1024, ge=1, description="Width of the projector's hidden layer.")
    max_history_items: int = Field(
        512, ge=1, description="Most history items that are read, the newest ones."
    )
    max_input_length: int = Field(128, ge=8, description="Longest input read, in tokens.")
