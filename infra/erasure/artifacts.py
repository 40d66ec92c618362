"""ZenML's artifacts that know a user: found in their data, or by what they were made from.

Histories, predictions and quarantines are read. What holds no ids is known by lineage: the step
that made it read histories with her. Where those are gone, nobody can tell any more, and it counts
as if it did. Small facts (evaluation, drift, registration and their like) are aggregates.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

from components.folder import Folder
from components.lineage.user_rows import UserRows, is_in_quarantine, is_named
from components.llm.llm_folder import LLMFolder
from components.serving.bundle import PLUG_IN, ServingBundle
from components.training.train import TrainedArms
from components.user_embedder.embedder_folder import EmbedderFolder
from components.validation.report import ValidationReport
from components.validation.validation_folder import REPORT, ValidationFolder
from infra.erasure.lineage import CANNOT_TELL, UNREADABLE, Lineage, Made
from infra.erasure.models import KEPT, Registry
from infra.erasure.traces import Trace

Judge: TypeAlias = Callable[[Lineage, Made], str]
"""Returns why an artifact knows her; nothing if it does not."""

BROKEN = "is broken: whether she is in it cannot be told"
NAMES_ROWS = "names rows of hers"
SHOWS_TEXTS = "shows users' texts, and she was in its histories"
REPORT_ARTIFACT = "report"


def find_artifacts(lineage: Lineage, registry: Registry) -> list[Trace]:
    """Return what knows her, the newest first: what others are known by comes last.

    Args:
        lineage: Of the user.
        registry: Which registered models she trained.
    """
    traces = []
    knowing: set[UUID] = set()
    for made in lineage.artifacts:
        if made.kind in MODELS:
            why = judge_model(lineage, made, registry, knowing)
        else:
            why = JUDGES[made.kind](lineage, made) if made.kind in JUDGES else ""
        if why:
            knowing.add(made.version.id)
            traces.append(make_trace(lineage, made, why))
    return traces[::-1]


def make_trace(lineage: Lineage, made: Made, why: str) -> Trace:
    """Return the trace of an artifact, with what a purge does to it."""
    version = made.version
    trace = Trace(
        what=f"artifact {version.name}, version {version.version}",
        where=version.uri,
        since=version.created,
        why=why,
        producer=version.producer_step_run_id,
    )
    if made.kind in MODELS:
        return replace(trace, kept=KEPT)

    def remove() -> int:
        with lineage.open(version, Folder) as folder:
            num_files = len(folder.files())
        # Its record stays: ZenML keeps what runs have used, and later lineage needs it.
        lineage.client.delete_artifact_version(
            version.id, delete_metadata=False, delete_from_artifact_store=True
        )
        return num_files

    return replace(trace, remove=remove)


def judge_histories(lineage: Lineage, made: Made) -> str:
    """Read whose rows they are."""
    rows = lineage.rows_in(made.version)
    if rows is CANNOT_TELL:
        return BROKEN
    return "holds her items and questions" if rows else ""


def judge_predictions(lineage: Lineage, made: Made) -> str:
    """Read whose questions were answered."""
    answered = lineage.answered_in(made.version)
    if answered is None:
        return BROKEN
    return f"holds the answers to {len(answered)} questions of hers" if answered else ""


def judge_vectors(lineage: Lineage, made: Made) -> str:
    """A vector stands for an item, row by row of the histories."""
    return _say(lineage.read_by(made.step), "holds the vectors of her items")


def judge_validation(lineage: Lineage, made: Made) -> str:
    """Read the quarantine and the examples of defects; texts in Data Docs are not looked for."""
    try:
        with lineage.open(made.version, ValidationFolder) as folder:
            if is_in_quarantine(folder, lineage.user_id):
                return "holds rows of hers in quarantine"
            if names_her(lineage, folder.path / REPORT):
                return NAMES_ROWS
    except UNREADABLE:
        return BROKEN
    shows_texts = made.step is None or made.step.config.parameters.get("show_texts")
    return SHOWS_TEXTS if shows_texts and lineage.read_by(made.step) else ""


def judge_report(lineage: Lineage, made: Made) -> str:
    """The copy of `reports/<run>/` is judged as that one is."""
    if made.version.name != REPORT_ARTIFACT:
        return ""
    settings = {} if made.step is None else made.step.config.parameters["settings"]
    shows_texts = made.step is None or settings["show_texts"]
    with lineage.open(made.version, Folder) as folder:
        is_shown = shows_texts and bool(lineage.read_by(made.step))
        return judge_report_files(lineage, folder.path / "validation.json", is_shown)


def judge_report_files(lineage: Lineage, figures: Path, is_shown: bool) -> str:
    """Return why a run's report knows her.

    Args:
        lineage: Of the user.
        figures: Those of the validation, in the report's folder.
        is_shown: Whether it shows texts of users, of whom she may be one.
    """
    try:
        if names_her(lineage, figures):
            return NAMES_ROWS
    except UNREADABLE:
        return BROKEN
    return SHOWS_TEXTS if is_shown else ""


def names_her(lineage: Lineage, path: Path) -> bool:
    """Return whether the figures of a validation name a row of hers."""
    report = ValidationReport.model_validate_json(path.read_bytes())
    return is_named(report, lineage.user_id, lineage.question_ids)


def judge_model(lineage: Lineage, made: Made, registry: Registry, knowing: set[UUID]) -> str:
    """By the record of a registered model of the same weights, else by what it was trained on."""
    content = read_content(lineage, made)
    if content is None:
        return ""
    if content in registry.by_content:
        is_known = registry.by_content[content]
        return "her questions trained it: see the registered model" if is_known else ""
    inputs = [] if made.step is None else chain.from_iterable(made.step.inputs.values())
    if any(each.id in knowing and each.data_type.attribute in MODELS for each in inputs):
        return "has a part that her questions trained"
    trained = [rows for rows in lineage.read_by(made.step) if rows.trains]
    return _say(trained, "was trained on histories with her questions")


def read_content(lineage: Lineage, made: Made) -> str | None:
    """Return by which hash the registry knows a model; None for one that was not trained here."""
    version = made.version
    try:
        if made.kind == LLMFolder.__name__:
            with lineage.open(version, LLMFolder) as llm:
                return llm.content_hash() if llm.has_weights else None
        if made.kind == TrainedArms.__name__:
            with lineage.open(version, TrainedArms) as arms:
                return arms.arm("persona").weights_hash()
        with lineage.open(version, ServingBundle) as bundle:
            is_filled = (bundle.path / PLUG_IN).is_dir()  # not so for a refused candidate
            return EmbedderFolder.at(bundle.path / PLUG_IN).weights_hash() if is_filled else None
    except UNREADABLE:
        return ""


def _say(read: list[UserRows], what: str) -> str:
    if not read:
        return ""
    is_sure = any(rows is not CANNOT_TELL for rows in read)
    return what if is_sure else f"{what}, unless she was not in the histories (they are gone)"


MODELS = frozenset({LLMFolder.__name__, TrainedArms.__name__, ServingBundle.__name__})
JUDGES: dict[str, Judge] = {
    "Histories": judge_histories,
    "Predictions": judge_predictions,
    "BehaviorVectors": judge_vectors,
    "ValidationFolder": judge_validation,
    "Folder": judge_report,
}
