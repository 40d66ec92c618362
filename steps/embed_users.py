"""Fill the persona store that serving reads, after a promotion."""

from typing import Annotated

from zenml import step
from zenml.logger import get_logger

from components.encoders.behavior_vectors import BehaviorVectors
from components.histories.tables import Histories
from components.personas.custody import open_custody
from components.personas.fill import PersonaStoreFolder, fill_store
from components.promotion.registry_records import Promotion
from components.user_hash import load_key
from steps.caching import code_of
from steps.custody_folder import find_custody_folder
from steps.materializers import FolderMaterializer
from steps.scratch import make_scratch_directory
from steps.user_hash_key import KEY_FILE

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
    custody = open_custody(find_custody_folder(), load_key(KEY_FILE))
    return fill_store(histories, vectors, custody, directory)
