"""What became of a registered artifact that was asked again by itself."""

from pydantic import Field

from components.config import Config


class ArtifactCheck(Config):
    """Whether a fresh process reproduces the evaluation from the registered artifact alone."""

    loaded: bool = Field(description="Whether it is what was registered, loaded and answered.")
    problem: str | None = Field(description="Why it did not; None if it did.")
    num_questions: int = Field(ge=0, description="Evaluated questions that it was asked again.")
    num_equal: int = Field(ge=0, description="Answers that are those of the evaluation.")
    p50_seconds: float | None = Field(
        description="Median seconds of a question asked alone, its history encoded anew."
    )
    p95_seconds: float | None = Field(description="Their 95 % quantile.")
    load_seconds: float | None = Field(
        description="Seconds until it can answer, imports of Python's modules not counted."
    )
    size_bytes: int = Field(
        ge=0, description="Bytes of plug-in, settings and code; the LLM is registered by itself."
    )
    foreign_modules: list[str] = Field(
        description="Modules that the process imported and serving must not need."
    )
    rolled_back: str | None = Field(
        None, description="When, by whom and for which version it lost the office, if so."
    )
