"""Prepare the LLM that stays frozen."""

from typing import Annotated

from zenml import step
from zenml.logger import get_logger

from components.histories.tables import Histories
from components.llm.llm_folder import LLMFolder
from components.llm.prepare import LLMRecipe
from components.llm.prepare import prepare_llm as prepare
from components.promotion.registry_records import Incumbents
from steps.caching import code_of
from steps.materializers import FolderMaterializer
from steps.model_registry import download_llm, open_registry
from steps.scratch import make_scratch_directory

logger = get_logger(__name__)


@step(cache_policy=code_of(__file__), output_materializers=FolderMaterializer)
def prepare_llm(
    histories: Histories, incumbents: Incumbents, recipe: LLMRecipe
) -> Annotated[LLMFolder, "llm"]:
    """Take over the champion's warm start where the same settings made it, else prepare one.

    One that was tuned on the questions of an erased user is not taken over.
    """
    directory = make_scratch_directory()
    champion = incumbents.champion
    if champion is not None and champion.llm_knows_erased:
        logger.warning("version %s has an LLM that knows an erased user", champion.version)
    elif champion is not None and recipe.keeps(champion.llm_settings_hash):
        logger.info("keeping the champion's LLM (version %s)", champion.version)
        return download_llm(open_registry(), recipe.task.name, champion.llm_hash, directory)
    return prepare(histories, recipe, directory)
