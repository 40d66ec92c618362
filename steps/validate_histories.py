"""Validate histories before anything is computed from them."""

from pathlib import Path
from typing import Annotated

import mlflow
from zenml import save_artifact, step
from zenml.logger import get_logger

from components.histories.splits import EmptySplitError, require_splits
from components.histories.tables import Histories, Split
from components.tasks.task import Task
from components.validation.config import ValidationConfig
from components.validation.report import UnsoundHistoriesError
from components.validation.validate import validate_histories as validate
from components.validation.validation_folder import REPORT, ValidationFolder
from steps.caching import code_of
from steps.erased_users import find_erased
from steps.materializers import FolderMaterializer
from steps.scratch import make_scratch_directory

logger = get_logger(__name__)


# By name: for one materializer of several outputs ZenML goes through a set of their names, whose
# order changes from process to process, and with it the cache key.
@step(
    cache_policy=code_of(__file__),
    experiment_tracker=True,
    output_materializers={
        "sound_histories": FolderMaterializer,
        "validation": FolderMaterializer,
    },
)
def validate_histories(
    histories: Histories,
    task: Task,
    validation: ValidationConfig,
    show_texts: bool,
    evaluated_split: Split,
) -> tuple[Annotated[Histories, "sound_histories"], Annotated[ValidationFolder, "validation"]]:
    """Set defective rows apart; too many or an empty split stop the run, but the report is kept."""
    directory = make_scratch_directory()
    try:
        erased = find_erased(validation)
        outcome = validate(histories, task, validation, directory, show_texts, erased)
        logger.info(outcome.report.verdict)
        require_splits(outcome.histories, evaluated_split)
    except (UnsoundHistoriesError, EmptySplitError):
        keep_findings(ValidationFolder.at(directory / "validation"))
        raise
    return outcome.histories, outcome.folder


def keep_findings(folder: ValidationFolder) -> None:
    """Keep the report of a run that stops, in ZenML and (without the rows) in MLflow."""
    kept = save_artifact(folder, "failed_validation", materializer=FolderMaterializer)
    mlflow.log_artifacts(str(folder.data_docs), "validation/data_docs")
    mlflow.log_artifact(str(folder.path / REPORT), "validation")
    logger.error("what was found: %s", Path(kept.uri) / folder.index.relative_to(folder.path))
