"""What a registered version was trained on, as it was logged when it was registered."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from mlflow import MlflowClient
from pydantic import ValidationError
from zenml.logger import get_logger

from components.histories.events import WATERMARK, Watermark
from components.lineage.data_profile import DataProfile
from components.lineage.retraining import LastTraining, Trained
from components.promotion.registry_records import PROMOTED
from steps.bundle_source import BUNDLE
from steps.model_registry import (
    CHALLENGER,
    DATA_PROFILE,
    DECISION,
    WATERMARK_RECORD,
    find_by_alias,
    list_files,
    model_name,
)
from steps.scratch import make_scratch_directory

logger = get_logger(__name__)


class LostRecordError(ValueError):
    """The profile of a version's data can't be had; says why, behind whose it is."""


def read_profile(client: MlflowClient, task_name: str, version: str) -> DataProfile:
    """Return the profile of the data that a registered version was trained on.

    Raises:
        LostRecordError: If it is of another version of the code, or gone.
        MlflowException: If MLflow can't say: an outage is no loss.
    """
    run_id = client.get_model_version(model_name(task_name), version).run_id
    record = read_record(client, run_id, DATA_PROFILE)
    if record is None:
        raise LostRecordError("is gone from MLflow")
    try:
        return DataProfile.model_validate_json(record)
    except ValidationError as err:
        raise LostRecordError("is of another version of the code") from err


def read_trained(client: MlflowClient, task_name: str, version: str) -> Trained:
    """Return when a version was registered and what it was trained on, if that can be had."""
    found = client.get_model_version(model_name(task_name), version)
    try:
        profile = read_profile(client, task_name, version)
    except LostRecordError as err:
        logger.warning("%s of version %s %s", DATA_PROFILE, version, err)
        profile = None
    return Trained(
        version=version,
        registered_at=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
        profile=profile,
    )


def read_last_training(client: MlflowClient, task_name: str) -> LastTraining | None:
    """Return what was trained last, by `challenger`, and on what; None before the first."""
    found = find_by_alias(client, model_name(task_name), CHALLENGER)
    if found is None:
        return None
    trained = read_trained(client, task_name, str(found.version))
    return LastTraining(
        **dict(trained),
        watermark=read_watermark(client, found.run_id),
        unfinished=find_unfinished(found.tags),
    )


def find_unfinished(tags: Mapping[str, str]) -> str | None:
    """Return what the run that registered a version didn't come to; None if nothing is missing.

    Args:
        tags: The version's.
    """
    if DECISION not in tags:
        return "was trained but never decided upon"
    if tags[DECISION] == PROMOTED and BUNDLE not in tags:
        return "was promoted but never packaged for serving"
    return None


def read_watermark(client: MlflowClient, run_id: str) -> Watermark | None:
    """Return up to where a run's source was read.

    Returns:
        The watermark; None for a source that has none, and for one of another version of the code.
    """
    record = read_record(client, run_id, WATERMARK_RECORD)
    try:
        return None if record is None else WATERMARK.validate_json(record)
    except ValidationError:
        logger.warning("%s of run %s is of another version of the code", WATERMARK_RECORD, run_id)
        return None


def read_record(client: MlflowClient, run_id: str, name: str) -> str | None:
    """Return what is written in a file that a run logged; None if it, or the run, is gone.

    Raises:
        MlflowException: If MLflow can't say.
    """
    if name not in list_files(run_id=run_id, tracking_uri=client.tracking_uri):
        return None
    path = client.download_artifacts(run_id, name, str(make_scratch_directory()))
    return Path(path).read_text("utf-8")
