"""Ask the registered artifact again, by itself: does it answer as was evaluated?"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from zenml import step
from zenml.logger import get_logger

from components.evaluation.exam import ExamRecipe
from components.evaluation.predictions import Predictions
from components.histories.tables import Histories
from components.promotion.artifact_check import ArtifactCheck
from components.promotion.registry_records import Registration
from components.serving.fresh_process import BrokenArtifactError, check_parts, report_broken
from components.serving.sampling import sample_requests
from steps.model_registry import ROLLED_BACK, open_registry
from steps.registered_artifact import fetch_artifact, fetch_files

logger = get_logger(__name__)


# Never cached: what is promoted are the registry's bytes, and they may have changed since; so may
# what was decided about them.
@step(enable_cache=False)
def check_artifact(
    histories: Histories, predictions: Predictions, candidate: Registration, recipe: ExamRecipe
) -> Annotated[ArtifactCheck, "artifact_check"]:
    """Fetch the registered version and compare its answers; what is broken is a finding."""
    requests, expected = sample_requests(
        histories, predictions.table, recipe.evaluation.num_reproduced, recipe.seed
    )
    with TemporaryDirectory(prefix="persona-plug-") as scratch:
        try:
            parts = fetch_artifact(recipe.task.name, candidate.version, Path(scratch) / "model")
        except BrokenArtifactError as err:
            check = report_broken(str(err), len(requests), 0)
        else:
            check = check_parts(
                parts, candidate.artifact_hash, fetch_files, requests, expected, Path(scratch)
            ).model_copy(update={"rolled_back": find_rollback(candidate)})
    logger.info("version %s by itself: %s", candidate.version, check)
    return check


def find_rollback(candidate: Registration) -> str | None:
    """Return what `infra.rollback` says of a version that it took out of office."""
    found = open_registry().get_model_version(candidate.model_name, candidate.version)
    said: str | None = found.tags.get(ROLLED_BACK)
    return said
