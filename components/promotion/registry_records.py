"""Records of the model registry: a candidate, the champion, what became of a candidate."""

from pydantic import Field

from components.config import Config


class Registration(Config):
    """One registered user embedder."""

    model_name: str = Field(description="Name of the registered model.")
    version: str = Field(description="Version in the model registry.")
    weights_hash: str = Field(description="sha256 of the user embedder's weights.")
    llm_hash: str = Field(description="Content hash of its LLM.")
    encoder_fingerprint: str = Field(description="Of the vectors that it reads.")


class Champion(Config):
    """Which version of the registered model is champion; all None where there is none yet."""

    version: str | None = Field(None, description="Its version in the model registry.")
    weights_hash: str | None = Field(None, description="sha256 of its user embedder's weights.")
    llm_hash: str | None = Field(None, description="Content hash of its LLM.")
    llm_settings_hash: str | None = Field(None, description="Of the settings that made its LLM.")

    def is_rival_of(self, candidate: Registration) -> bool:
        """Whether it is another embedder for the same LLM, which a candidate has to match."""
        return self.llm_hash == candidate.llm_hash and self.weights_hash != candidate.weights_hash


class Promotion(Config):
    """What became of a registered user embedder."""

    promoted: bool = Field(description="Whether it is the champion now.")
    model_name: str = Field(description="Name of the registered model.")
    version: str = Field(description="Its version.")
