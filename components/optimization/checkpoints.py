"""Checkpoints in a folder that outlives the process, on any file system that fsspec knows.

A checkpoint is a folder `step-00000120` of files, and a manifest with their sha256 that is written
last. Without a manifest it was never finished; with one that doesn't agree it is torn. Either way
it is told by name, and the one before it serves.
"""

import json
import logging
from pathlib import Path

import fsspec
from pydantic import TypeAdapter, ValidationError

from components.folder import hash_file
from components.optimization.config import CheckpointConfig

logger = logging.getLogger(__name__)

MANIFEST = "manifest.json"
Manifest = TypeAdapter(dict[str, str])
"""Of every file's name its sha256."""


class TornCheckpointError(ValueError):
    """A checkpoint is not what its manifest says."""


class Checkpoints:
    """The checkpoints of one training.

    Args:
        config: Where, and how many are kept. Its `uri` is given.
        key: What tells this training from any other: settings, data and code.
    """

    def __init__(self, config: CheckpointConfig, key: str) -> None:
        self.config = config
        self.location = f"{config.uri}/{key}"
        self._files, self._root = fsspec.core.url_to_fs(self.location)

    def save(self, step: int, folder: Path) -> None:
        """Store the files of a flat folder as the checkpoint of a step; older ones give way."""
        target = f"{self._root}/step-{step:08d}"
        if self._files.exists(target):  # what an interrupted save left
            self._files.rm(target, recursive=True)
        self._files.makedirs(target, exist_ok=True)
        hashes = {}
        for path in sorted(folder.iterdir()):
            hashes[path.name] = hash_file(path)
            self._files.put_file(str(path), f"{target}/{path.name}")
        self._files.pipe_file(f"{target}/{MANIFEST}", json.dumps(hashes, indent=1).encode())
        for name in self.names()[: -self.config.num_kept]:
            self._files.rm(f"{self._root}/{name}", recursive=True)

    def names(self) -> list[str]:
        """Return the names of all checkpoints, finished or not, oldest first."""
        if not self._files.exists(self._root):
            return []
        found = (path.rstrip("/").rpartition("/")[2] for path in self._files.ls(self._root, False))
        return sorted(name for name in found if name.startswith("step-"))

    def load_newest(self, directory: Path) -> Path | None:
        """Fetch the newest checkpoint that is whole.

        Args:
            directory: An existing directory; gets a folder of the checkpoint's name.

        Returns:
            That folder; None if there is no whole checkpoint.
        """
        for name in reversed(self.names()):
            folder = directory / name
            folder.mkdir()
            try:
                self._fetch(name, folder)
            except TornCheckpointError as err:
                logger.warning("%s/%s is left out: %s", self.location, name, err)
                continue
            return folder
        return None

    def _fetch(self, name: str, folder: Path) -> None:
        source = f"{self._root}/{name}"
        try:
            hashes = Manifest.validate_json(self._files.cat_file(f"{source}/{MANIFEST}"))
        except FileNotFoundError as err:
            raise TornCheckpointError(f"it has no {MANIFEST}, so it was never finished") from err
        except ValidationError as err:
            raise TornCheckpointError(f"its {MANIFEST} names no hashes") from err
        for file, expected in hashes.items():
            try:
                self._files.get_file(f"{source}/{file}", str(folder / file))
            except FileNotFoundError as err:
                raise TornCheckpointError(f"{file} is missing") from err
            found = hash_file(folder / file)
            if found != expected:
                raise TornCheckpointError(f"{file} has sha256 {found}, its manifest {expected}")

    def clear(self) -> None:
        """Remove all checkpoints: the training is over."""
        if self._files.exists(self._root):
            self._files.rm(self._root, recursive=True)
