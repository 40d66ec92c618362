"""Encode every history item with the frozen history encoder."""

from typing import Annotated

from zenml import step

from components.encoders.behavior_vectors import BehaviorVectors
from components.encoders.behavior_vectors import encode_histories as encode
from components.encoders.config import EncoderConfig
from components.histories.tables import Histories
from steps.caching import code_of
from steps.materializers import FolderMaterializer
from steps.scratch import make_scratch_directory


@step(cache_policy=code_of(__file__), output_materializers=FolderMaterializer)
def encode_histories(
    histories: Histories, history_template: str, encoder: EncoderConfig
) -> Annotated[BehaviorVectors, "behavior_vectors"]:
    """Make one behavior vector for each history item."""
    texts = list(histories.items["text"])
    return encode(texts, history_template, encoder, make_scratch_directory())
