"""What became of a task's registered versions, read from the registry and the runs behind it."""

from datetime import UTC, datetime

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from components.promotion.config import INCUMBENTS
from components.promotion.registry_records import PastDecision
from components.tasks.task import Metric
from steps.model_registry import DECISION

MAX_VERSIONS = 104
"""Two years of weekly trainings."""


def read_past_decisions(
    client: MlflowClient, name: str, split: str, metric: Metric
) -> list[PastDecision]:
    """Return the newest decided versions in their order; figures are those of the day.

    Args:
        client: The registry's.
        name: Of the registered model.
        split: Whose questions were evaluated.
        metric: The primary one.
    """
    found = client.search_model_versions(
        f"name = '{name}'", max_results=MAX_VERSIONS, order_by=["version_number DESC"]
    )
    decided = [version for version in found if DECISION in version.tags]
    return [_read_decision(client, version, split, metric) for version in reversed(decided)]


def _read_decision(
    client: MlflowClient, version: ModelVersion, split: str, metric: Metric
) -> PastDecision:
    measured = client.get_run(version.run_id).data.metrics
    keys = {arm: f"{split}/{arm}/{metric}" for arm in ("persona", *INCUMBENTS)}
    return PastDecision(
        version=str(version.version),
        registered=datetime.fromtimestamp(version.creation_timestamp / 1000, UTC).date(),
        said=version.tags[DECISION],
        figures={arm: measured[key] for arm, key in keys.items() if key in measured},
    )
