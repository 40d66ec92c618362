"""Write the run's report for people, and keep it in ZenML and MLflow."""

import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import mlflow
from zenml import get_step_context, step
from zenml.logger import get_logger
from zenml.models import PipelineRunResponse

from components.evaluation.evaluation import Evaluation
from components.evaluation.predictions import Predictions
from components.folder import Folder
from components.histories.tables import Histories
from components.inversion.report import InversionReport
from components.lineage.drift import DriftReport
from components.llm.llm_folder import LLMFolder
from components.promotion.registry_records import Promotion
from components.reporting.config import ReportConfig
from components.reporting.example_questions import Examples, pick_examples
from components.reporting.model_card import ModelFacts
from components.reporting.report_folder import Report, write_report
from components.reporting.wording import CONTROL
from components.tasks.task import Task
from components.training.train import TrainedArms
from components.user_embedder.embedder_folder import EmbedderFolder
from components.validation.validation_folder import ValidationFolder
from steps.caching import source_root
from steps.materializers import FolderMaterializer
from steps.model_registry import CHAMPION, open_registry
from steps.past_decisions import read_past_decisions
from steps.scratch import make_scratch_directory

logger = get_logger(__name__)

ROOT = source_root(Path(__file__).resolve())
DISTRIBUTIONS = ("torch", "transformers", "datasets", "zenml", "mlflow", "great-expectations")


# Never cached: it writes a folder outside the artifact store.
@step(enable_cache=False, output_materializers=FolderMaterializer, experiment_tracker=True)
def export_report(
    evaluation: Evaluation,
    predictions: Predictions,
    histories: Histories,
    validated: ValidationFolder,
    drift: DriftReport,
    inversion: InversionReport,
    trained: TrainedArms,
    llm: LLMFolder,
    promotion: Promotion,
    task: Task,
    settings: ReportConfig,
) -> Annotated[Folder, "report"]:
    """Write `reports/<run>/` and point `reports/latest` at it."""
    run = get_step_context().pipeline_run
    contents = hash_artifacts(run)
    versions = {name: version(name) for name in DISTRIBUTIONS}
    versions |= describe_parts(trained.arm("persona"), llm)
    versions["data (content hash)"] = contents["sound_histories"]
    helped, hurt = pick_if_shown(settings, predictions, histories, task)
    report = Report(
        evaluation=evaluation,
        drift=drift,
        inversion=inversion,
        task=task,
        facts=ModelFacts(
            name=promotion.model_name,
            version=promotion.version,
            # `challenger` goes on with the next run.
            alias=CHAMPION if promotion.promoted else None,
            counts={f"{kept.table} (kept)": kept.kept for kept in validated.report.counts},
            versions=versions,
        ),
        curves={arm: trained.arm(arm).curve() for arm in trained.names()}
        | {"LLM warm start": llm.describe()["curve"]},
        validated=validated,
        run=describe_run(run, promotion) | {"versions": versions, "artifacts": contents},
        helped=helped,
        hurt=hurt,
        decisions=read_past_decisions(
            open_registry(), promotion.model_name, evaluation.split, evaluation.primary_metric
        ),
    )
    folder = write_report(report, ROOT / settings.folder, run.name)
    mlflow.log_artifacts(str(folder), artifact_path="report")
    logger.info("report: %s", folder / "evaluation.html")
    return Folder.at(shutil.copytree(folder, make_scratch_directory() / "report"))


def pick_if_shown(
    settings: ReportConfig, predictions: Predictions, histories: Histories, task: Task
) -> Examples:
    """Return the questions to show with users' texts: none where these may not be shown.

    Nor are there any without the arm that tells where persona helped.
    """
    answers = predictions.read()
    if not settings.show_texts or CONTROL not in set(answers.predictions["arm"].to_pylist()):
        return Examples([], [])
    return pick_examples(answers, histories, task)


def describe_parts(plug_in: EmbedderFolder, llm: LLMFolder) -> dict[str, str]:
    """Return which user embedder, LLM and encoder the model consists of."""
    card, described = plug_in.card(), llm.describe()
    return {
        "user embedder (sha256)": plug_in.weights_hash(),
        "LLM": f"{described['name']}@{described['revision']}",
        "LLM's weights (sha256)": card.llm_weights_sha256,
        "encoder": f"{card.encoder.name}@{card.encoder.revision}",
        "encoder's weights (sha256)": card.encoder_weights_sha256,
        "encoder's fingerprint": card.encoder_fingerprint,
    }


def hash_artifacts(run: PipelineRunResponse) -> dict[str, str]:
    """Return the content hash of every folder that the run made or took from the cache."""
    made = (output for step in run.steps.values() for output in step.outputs.items())
    return {
        name: artifact.content_hash
        for name, versions in made
        for artifact in versions
        if artifact.content_hash
    }


def describe_run(run: PipelineRunResponse, promotion: Promotion) -> dict[str, Any]:
    """Return the run's name, seconds by step and what it made."""
    seconds = {
        name: (done.end_time - done.start_time).total_seconds()
        for name, done in run.steps.items()
        if done.start_time and done.end_time
    }
    cached = sorted(name for name, done in run.steps.items() if done.status.value == "cached")
    return {
        "run": run.name,
        "id": str(run.id),
        "seconds": seconds,
        "cached": cached,
        "model": f"{promotion.model_name}/{promotion.version}",
        "promoted": promotion.promoted,
    }
