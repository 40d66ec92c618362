"""Settings of the engine that answers in this process."""

from pydantic import Field

from components.config import Config


class EngineConfig(Config):
    """How requests wait and are put together."""

    max_batch_size: int = Field(16, ge=1, description="Most requests that are computed at once.")
    max_batch_tokens: int = Field(
        8192,
        ge=1,
        description=(
            "Most tokens of inputs that are computed at once, all padded to the longest; a longer "
            "input is a batch by itself."
        ),
    )
    window_ms: float = Field(
        2.0, ge=0, description="Milliseconds that a free model waits for more requests."
    )
    max_waiting: int = Field(
        256,
        ge=1,
        description="Most requests that wait, and most history items; who comes then is told to "
        "come again.",
    )
    max_new_tokens: int = Field(
        1024, ge=1, description="Most tokens of a generated answer; who asks for more is refused."
    )
    min_golden_share: float = Field(
        1.0,
        ge=0,
        le=1,
        description=(
            "Share of a bundle's golden requests that must be answered as when it was made; below "
            "1 where generated texts differ from one kind of GPU to another."
        ),
    )
    drain_seconds: float = Field(
        60.0, ge=0, description="Longest wait for the requests of an engine that was replaced."
    )
