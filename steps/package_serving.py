"""Make the serving bundle of a promoted model, and log it beside the registered version."""

from typing import Annotated

from zenml import step
from zenml.logger import get_logger

from components.llm.llm_folder import LLMFolder
from components.promotion.registry_records import Promotion
from components.serving.bundle import ServingBundle
from components.serving.bundle import package_serving as package
from components.serving.persona_model import ServingRecipe
from components.training.train import TrainedArms
from steps.bundle_source import log_bundle
from steps.caching import code_of
from steps.materializers import FolderMaterializer
from steps.model_registry import open_registry
from steps.scratch import make_scratch_directory

logger = get_logger(__name__)


@step(cache_policy=code_of(__file__), output_materializers=FolderMaterializer)
def package_serving(
    trained: TrainedArms, llm: LLMFolder, promotion: Promotion, recipe: ServingRecipe
) -> Annotated[ServingBundle, "serving_bundle"]:
    """Copy what serving needs into one folder, with golden requests; a refused candidate: none."""
    directory = make_scratch_directory()
    if not promotion.promoted:
        logger.info("version %s was refused: no serving bundle is made", promotion.version)
        return ServingBundle.at(directory)
    plug_in = trained.arm("persona")
    spec = recipe.specify(plug_in, llm)
    bundle = package(spec, plug_in, llm, directory, promotion.model_name, promotion.version)
    log_bundle(open_registry(), promotion.model_name, promotion.version, bundle)
    return bundle
