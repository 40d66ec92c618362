import shutil
from pathlib import Path
from typing import IO, Any

import fsspec
import numpy as np
import pytest

from components.folder import Folder
from steps.materializers import FolderMaterializer
from tests.steps.conftest import ToyRepository


class Vectors(Folder):
    """A subclass, as the components define them."""


class MemoryStore:
    """The part of an artifact store that the materializer uses, on a file system that is remote."""

    def __init__(self) -> None:
        self.files = fsspec.filesystem("memory")

    def open(self, uri: str, mode: str) -> IO[Any]:
        return self.files.open(uri, mode)

    def makedirs(self, uri: str) -> None:
        self.files.makedirs(uri, exist_ok=True)

    def isdir(self, uri: str) -> bool:
        return self.files.isdir(uri)

    def listdir(self, uri: str) -> list[str]:
        return [path.rpartition("/")[2] for path in self.files.ls(uri, detail=False)]


@pytest.fixture
def vectors(tmp_path: Path) -> Vectors:
    path = tmp_path / "made"
    (path / "deep" / "er").mkdir(parents=True)
    np.save(path / "vectors.npy", np.arange(6, dtype=np.float16).reshape(3, 2))
    (path / "deep" / "er" / "name.json").write_text("{}")
    return Vectors.at(path)


def test_a_remote_store_gives_the_same_folder_back(vectors: Vectors) -> None:
    materializer = FolderMaterializer("memory://bucket/7", MemoryStore())  # type: ignore[arg-type]
    materializer.save(vectors)

    loaded = materializer.load(Vectors)

    assert isinstance(loaded, Vectors)
    assert loaded.path != vectors.path
    assert loaded.content_hash() == vectors.content_hash()
    shutil.rmtree(loaded.path)


def test_a_local_folder_is_opened_where_it_lies(vectors: Vectors, zenml_home: Path) -> None:
    from zenml.client import Client

    store = Client().active_stack.artifact_store
    uri = f"{store.path}/test_materializers/1"
    store.makedirs(uri)
    materializer = FolderMaterializer(uri, store)
    materializer.save(vectors)
    shutil.rmtree(vectors.path)

    loaded = materializer.load(Vectors)

    assert loaded.path == Path(uri)
    matrix = np.load(loaded.path / "vectors.npy", mmap_mode="r")
    assert isinstance(matrix, np.memmap)
    assert matrix.tolist() == [[0, 1], [2, 3], [4, 5]]


def test_metadata_counts_files_and_bytes(vectors: Vectors) -> None:
    metadata = FolderMaterializer("unused").extract_metadata(vectors)

    size = (vectors.path / "vectors.npy").stat().st_size
    assert metadata == {"num_files": 2, "size_bytes": size + 2}


def test_the_same_bytes_leave_later_steps_cached_and_one_other_byte_does_not(
    toy_repository: ToyRepository,
) -> None:
    assert toy_repository.run() == {"read_outside": "completed", "use_inside": "completed"}
    assert toy_repository.run() == {"read_outside": "completed", "use_inside": "cached"}

    (toy_repository.outside / "deep" / "row.txt").write_text("fous")
    assert toy_repository.run() == {"read_outside": "completed", "use_inside": "completed"}

    (toy_repository.outside / "deep" / "row.txt").rename(toy_repository.outside / "row.txt")
    assert toy_repository.run() == {"read_outside": "completed", "use_inside": "completed"}
