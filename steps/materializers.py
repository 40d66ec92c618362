"""How a `Folder` becomes a ZenML artifact: its files as they are, known by their content's hash.

A step that returns a `Folder` names this class (`output_materializers=FolderMaterializer`), so
that the pod which runs the step knows it too. The content hash takes the artifact id's place in
the cache keys of later steps: the same bytes, written again, leave them cached.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from zenml.enums import ArtifactType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType, StorageSize

from components.folder import Folder

COPY_BYTES = 8 * 1024 * 1024


class FolderMaterializer(BaseMaterializer):
    """Saves and loads `Folder` and its subclasses, without any visualisation of their content."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Folder,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA

    def save(self, data: Folder) -> None:
        """Copy every file of the folder into the artifact store."""
        for file in data.files():
            uri = f"{self.uri}/{file.relative_to(data.path).as_posix()}"
            self.artifact_store.makedirs(uri.rpartition("/")[0])
            with file.open("rb") as source, self.artifact_store.open(uri, "wb") as target:
                shutil.copyfileobj(source, target, COPY_BYTES)

    def load(self, data_type: type[Folder]) -> Folder:
        """Open the folder where it lies, or copy it here first if the store is remote.

        Args:
            data_type: `Folder` or a subclass of it.

        Returns:
            The folder; its files can be memory-mapped. A copy lives until the step has ended.
        """
        if Path(self.uri).is_dir():
            return data_type.at(Path(self.uri))
        with self.get_temporary_directory(delete_at_exit=False) as directory:
            self._download(Path(directory))
            return data_type.at(Path(directory))

    def compute_content_hash(self, data: Folder) -> str:
        """Return the hash over the names and the bytes of all files."""
        return data.content_hash()

    def extract_metadata(self, data: Folder) -> dict[str, MetadataType]:
        """Return how many files the folder has and their size together."""
        files = data.files()
        size_bytes = StorageSize(sum(file.stat().st_size for file in files))
        return {"num_files": len(files), "size_bytes": size_bytes}

    def _download(self, directory: Path) -> None:
        for name in self._stored_names(""):
            target_path = directory / name
            target_path.parent.mkdir(parents=True, exist_ok=True)
            uri = f"{self.uri}/{name}"
            with self.artifact_store.open(uri, "rb") as source, target_path.open("wb") as target:
                shutil.copyfileobj(source, target, COPY_BYTES)

    def _stored_names(self, prefix: str) -> Iterator[str]:
        """Yield the relative name of every stored file below `prefix` ("" or "a/b/")."""
        for entry in self.artifact_store.listdir(f"{self.uri}/{prefix}".rstrip("/")):
            name = prefix + str(entry)
            if self.artifact_store.isdir(f"{self.uri}/{name}"):
                yield from self._stored_names(f"{name}/")
            else:
                yield name
