"""Fill the persona store that serving reads, after a promotion."""

from typing import Annotated

from zenml import step
from zenml.logger import get_logger

from components.encoders.behavior_vectors import BehaviorVectors
from components.histories.tables import Histories
from components.personas.fill import PersonaStoreFolder, fill_store
from components.promotion.registry_records import Promotion
from steps.caching import code_of
from steps.materializers import FolderMaterializer
from steps.scratch import make_scratch_directory

logger = get_logger(__name__)


@step(cache_policy=code_of(__file__), output_materializers=FolderMaterializer)
def embed_users(
    histories: Histories, vectors: BehaviorVectors, promotion: Promotion
) -> Annotated[PersonaStoreFolder, "persona_store"]:
    """Store all users' vectors; a refused candidate leaves the folder empty."""
    directory = make_scratch_directory()
    if not promotion.promoted:
        logger.info("version %s was refused: no persona store is made", promotion.version)
        return PersonaStoreFolder.at(directory)
    return fill_store(histories, vectors, directory)
