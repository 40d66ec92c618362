"""Measure what stolen behavior vectors tell of their texts, on invented ones."""

from typing import Annotated

import mlflow
from zenml import step
from zenml.logger import get_logger

from components.encoders.behavior_vectors import BehaviorVectors
from components.encoders.config import EncoderConfig
from components.inversion.config import InversionConfig
from components.inversion.measure import measure_inversion
from components.inversion.report import InversionReport
from components.tasks.task import Task
from steps.caching import code_of

logger = get_logger(__name__)


@step(cache_policy=code_of(__file__), experiment_tracker=True)
def check_inversion(
    vectors: BehaviorVectors,
    task: Task,
    encoder: EncoderConfig,
    settings: InversionConfig,
    seed: int,
) -> Annotated[InversionReport, "inversion"]:
    """Attack invented texts that are encoded as the run's items were; no user's text is read."""
    report = measure_inversion(vectors, task, encoder, settings, seed)
    figures = {
        f"inversion.{name}.{kept}": rate.value
        for name, attack in (("nearest", report.nearest), ("words", report.words))
        for kept, rate in (("clear", attack.clear), ("sealed", attack.sealed))
    }
    mlflow.log_metrics(figures)
    logger.info("recovered by inversion: %s", figures)
    return report
