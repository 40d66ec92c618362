"""Settings of retrieval: how many items stand in the prompt, and which."""

from typing import Literal

from pydantic import Field

from components.config import Config

Retriever = Literal["random", "recency", "bm25", "dense"]


class RetrievalConfig(Config):
    """What the arms that put history items into the prompt do."""

    num_items: int = Field(4, ge=1, description="Items put before the question.")
    tuned_retriever: Retriever = Field(
        "bm25", description="Which items the arm retrieval_tuned is tuned with and reads."
    )
    persona_num_items: int = Field(
        1, ge=1, description="Items that the arm persona_retrieval reads beside the persona."
    )
    persona_retriever: Retriever = Field(
        "dense", description="Which items the arm persona_retrieval reads."
    )
