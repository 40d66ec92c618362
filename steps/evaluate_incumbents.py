"""Let today's champion and reference answer the same questions."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import pyarrow as pa
from pydantic import ValidationError
from zenml import step
from zenml.logger import get_logger

from components.encoders.behavior_vectors import BehaviorVectors
from components.evaluation.exam import Exam, ExamRecipe
from components.evaluation.incumbent_exam import (
    IncomparableError,
    answer_incumbent,
    name_obstacle,
)
from components.evaluation.predictions import Predictions, write_predictions
from components.histories.tables import Histories
from components.llm.llm_folder import LLMFolder
from components.promotion.registry_records import Incumbent, Incumbents, Registration
from components.serving.artifact import ArtifactParts, fetch_llm
from components.serving.fresh_process import BrokenArtifactError
from components.serving.persona_model import ServingSpec
from components.training.train import Artifacts
from components.user_embedder.embedder_folder import EmbedderFolder
from steps.caching import code_of
from steps.materializers import FolderMaterializer
from steps.registered_artifact import fetch_artifact, fetch_files
from steps.scratch import make_scratch_directory

logger = get_logger(__name__)


@step(cache_policy=code_of(__file__), output_materializers=FolderMaterializer)
def evaluate_incumbents(
    histories: Histories,
    vectors: BehaviorVectors,
    llm: LLMFolder,
    predictions: Predictions,
    incumbents: Incumbents,
    candidate: Registration,
    recipe: ExamRecipe,
) -> Annotated[Predictions, "predictions_with_incumbents"]:
    """Add the answers of champion and reference, or why there are none; the candidate has its own.

    One that was trained for another LLM answers with that one: what is compared is what is served.
    One that holds both offices is asked once.
    """
    answers = predictions.read()
    exam = Exam(Artifacts(histories, vectors, llm), recipe)
    tables, notes = [answers.predictions], dict(answers.notes)
    holders: dict[str, tuple[Incumbent, list[str]]] = {}
    for office, holder in incumbents.by_office().items():
        if holder.version != candidate.version:
            holders.setdefault(holder.version, (holder, []))[1].append(office)
    for version, (holder, offices) in holders.items():
        who = f"{' and '.join(offices)}, version {version}"
        logger.info("evaluating the %s", who)
        try:
            tables.append(answer_as_registered(exam, holder, offices))
        except IncomparableError as err:
            logger.warning("the %s, %s", who, err)
            notes |= {name_obstacle(office): str(err) for office in offices}
    answers = replace(answers, predictions=pa.concat_tables(tables), notes=notes)
    return write_predictions(make_scratch_directory(), answers)


def answer_as_registered(exam: Exam, holder: Incumbent, offices: Sequence[str]) -> pa.Table:
    """Let a registered model answer by the settings and the LLM that were registered with it.

    Raises:
        IncomparableError: If it cannot be had as it was registered, or asked these questions.
    """
    try:
        parts, llm = fetch_incumbent(exam, holder)
    except BrokenArtifactError as err:
        raise IncomparableError(f"cannot be used ({err})") from err
    exam = replace(exam, artifacts=replace(exam.artifacts, llm=llm))
    return answer_by_own_settings(exam, parts.plug_in, parts.serving, offices)


def fetch_incumbent(exam: Exam, holder: Incumbent) -> tuple[ArtifactParts, LLMFolder]:
    """Return a registered model and its LLM, unchanged since they were registered.

    Raises:
        BrokenArtifactError: If they cannot be had so.
    """
    directory = make_scratch_directory()
    if holder.artifact_hash is None:
        raise BrokenArtifactError("registered by an older version of this code")
    parts = fetch_artifact(exam.recipe.task.name, holder.version, directory / "model")
    change = parts.find_change(holder.artifact_hash)
    if change is not None:
        raise BrokenArtifactError(change)
    llm = exam.artifacts.llm
    if llm.content_hash() != holder.llm_hash:
        (directory / "llm").mkdir()
        llm = fetch_llm(parts.serving, lambda uri: fetch_files(uri, directory / "llm"))
        if llm.content_hash() != holder.llm_hash:
            raise BrokenArtifactError("its LLM is not the one that was registered")
    return parts, llm


def answer_by_own_settings(
    exam: Exam, plug_in: Path, serving: Path, offices: Sequence[str]
) -> pa.Table:
    """Let a model answer by the settings that lie beside it.

    Raises:
        IncomparableError: If it cannot be asked these questions, or its settings are of
            a version of this code that knew others.
    """
    embedder = EmbedderFolder.at(plug_in)
    try:
        spec, _ = ServingSpec.read(serving), embedder.card()
    except ValidationError as err:
        first = err.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise IncomparableError(
            f"reads settings of another version of the code ({field}: {first['msg']})"
        ) from err
    return answer_incumbent(exam, embedder, spec.task, spec.llm, offices)
