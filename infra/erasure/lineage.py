"""What a user has in the histories of all runs, and which steps read them: ZenML's memory."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import pyarrow as pa
from zenml.client import Client
from zenml.models import ArtifactVersionResponse, StepRunResponse
from zenml.utils.pagination_utils import depaginate

from components.evaluation.predictions import Predictions
from components.folder import Folder
from components.histories.tables import Histories
from components.lineage.user_rows import UserRows, find_in_histories, find_in_predictions
from steps.materializers import FolderMaterializer

FolderType = TypeVar("FolderType", bound=Folder)
PAGE = 100
UNREADABLE = (OSError, ValueError, pa.ArrowException)
"""What is raised of a folder that was taken away in part."""
CANNOT_TELL = UserRows(frozenset(), trains=True)
"""For histories that are gone or broken: as if she had been in them."""


@dataclass(frozen=True)
class Made:
    """An artifact version whose data are there, and the step that made it."""

    version: ArtifactVersionResponse
    step: StepRunResponse | None
    """None where its run was deleted."""

    @property
    def kind(self) -> str:
        """The name of its class."""
        return str(self.version.data_type.attribute)


class Lineage:
    """All artifacts of the active stack, and what one user has in their histories.

    Args:
        user_id: The user.
    """

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.client = Client()
        self._store = self.client.active_stack.artifact_store
        self.steps: list[StepRunResponse] = depaginate(
            self.client.list_run_steps, sort_by="created", size=PAGE, hydrate=True
        )
        self._rows: dict[UUID, UserRows | None] = {}

    @cached_property
    def artifacts(self) -> list[Made]:
        """Everything that is still there, the oldest first."""
        made = {
            version.id: Made(version, step)
            for step in self.steps
            if step.status.value != "cached"  # its outputs are those of another step
            for version in chain.from_iterable(step.outputs.values())
        }
        unused = depaginate(
            self.client.list_artifact_versions, only_unused=True, size=PAGE, hydrate=True
        )
        made |= {version.id: Made(version, None) for version in unused}
        return [each for each in made.values() if self.is_there(each.version)]

    @cached_property
    def question_ids(self) -> frozenset[str]:
        """The ids of all her questions that are found in histories and predictions."""
        ids: set[str] = set()
        for made in self.artifacts:
            if made.kind == Histories.__name__ and (rows := self.rows_in(made.version)):
                ids |= rows.question_ids
            elif made.kind == Predictions.__name__:
                ids |= self.answered_in(made.version) or set()
        return frozenset(ids)

    def is_there(self, version: ArtifactVersionResponse) -> bool:
        """Return whether an artifact of this stack still has data."""
        is_here = version.artifact_store_id == self._store.id
        return is_here and self._store.exists(version.uri)

    @contextmanager
    def open(
        self, version: ArtifactVersionResponse, kind: type[FolderType]
    ) -> Iterator[FolderType]:
        """Give an artifact's folder."""
        folder = kind.at(FolderMaterializer(version.uri, self._store).load(kind).path)
        try:
            yield folder
        finally:
            if folder.path != Path(version.uri).resolve():
                shutil.rmtree(folder.path)  # the copy of what lies in a remote store

    def rows_in(self, version: ArtifactVersionResponse) -> UserRows | None:
        """Return what she has in histories: None for nothing, `CANNOT_TELL` if they are gone."""
        if version.id not in self._rows:
            self._rows[version.id] = self._read_rows(version)
        return self._rows[version.id]

    def read_by(self, step: StepRunResponse | None) -> list[UserRows]:
        """Return what she has in the histories that a step read; nothing if she isn't in them."""
        if step is None:
            return [CANNOT_TELL]
        given = chain.from_iterable(step.inputs.values())
        found = [self.rows_in(each) for each in given if _is_histories(each)]
        return [rows for rows in found if rows is not None]

    def answered_in(self, version: ArtifactVersionResponse) -> frozenset[str] | None:
        """Return the ids of her questions that were answered; None for broken predictions."""
        try:
            with self.open(version, Predictions) as predictions:
                return find_in_predictions(predictions, self.user_id)
        except UNREADABLE:
            return None

    def runs_that_know(self) -> set[UUID]:
        """Return the pipeline runs in whose histories she was, or nobody can tell."""
        return {
            step.pipeline_run_id
            for step in self.steps
            if self.read_by(step)
            or any(
                self.rows_in(version)
                for version in chain.from_iterable(step.outputs.values())
                if _is_histories(version)
            )
        }

    def _read_rows(self, version: ArtifactVersionResponse) -> UserRows | None:
        if version.artifact_store_id != self._store.id:
            return None  # another stack's, with erasures of its own
        if not self.is_there(version):
            return CANNOT_TELL
        try:
            with self.open(version, Histories) as histories:
                return find_in_histories(histories, self.user_id)
        except UNREADABLE:
            return CANNOT_TELL


def _is_histories(version: ArtifactVersionResponse) -> bool:
    return str(version.data_type.attribute) == Histories.__name__
