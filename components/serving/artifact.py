"""The registered artifact: its parts, and a manifest of every byte that decides an answer.

The manifest lies among the settings. Its own hash stands in the registry, with that of the files
that MLflow adds, so that nothing can be changed unseen; a change is told by the file's name.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from components.config import Config
from components.folder import hash_file, hash_files
from components.llm.llm_folder import LLMFolder

MANIFEST = "artifact.json"
DOWNLOAD_NOTE = "registered_model_meta"
"""MLflow leaves it beside what it downloads."""
REFERENCE = "llm_reference.json"
LLM = "llm"


@dataclass(frozen=True)
class ArtifactParts:
    """The folders that an artifact is made from, or those of a registered one."""

    plug_in: Path
    """The user embedder."""
    serving: Path
    """What it is served by: `serving.json`, where the LLM is, the manifest."""
    components: Path
    """This library, as it was when the artifact was registered."""
    loader: Path
    """The file that MLflow loads the model by."""

    @property
    def manifest(self) -> Path:
        """The file that holds the other files' hashes."""
        return self.serving / MANIFEST

    def files(self) -> dict[str, Path]:
        """Return every file but the manifest, by part and name within it ("serving/...")."""
        parts = {"plug_in": self.plug_in, "serving": self.serving, "components": self.components}
        files = {
            f"{part}/{path.relative_to(folder).as_posix()}": path
            for part, folder in parts.items()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.parent.name != "__pycache__" and path != self.manifest
        }
        return files | ({self.loader.name: self.loader} if self.loader.is_file() else {})

    def strangers(self) -> set[str]:
        """Return the names of what lies beside the library of a registered artifact.

        There its process would find them before the modules that they are named like.
        """
        code = self.components.parent
        beside = code.iterdir() if code.is_dir() else ()
        return {f"{code.name}/{path.name}" for path in beside if path != self.components}

    def size_bytes(self) -> int:
        """Return the bytes of all files."""
        return sum(path.stat().st_size for path in self.files().values())

    def packing(self) -> list[Path]:
        """Return MLflow's own files about a registered model: its loading, signature, packages."""
        beside = (path for path in self.loader.parent.iterdir() if path.is_file())
        return sorted(path for path in beside if path.name not in (self.loader.name, DOWNLOAD_NOTE))

    def write_manifest(self) -> None:
        """Write the hash of each file down among the settings."""
        hashes = {name: hash_file(path) for name, path in self.files().items()}
        self.manifest.write_text(json.dumps(hashes, indent=1) + "\n", encoding="utf-8")

    def seal(self) -> str:
        """Return the hash of the manifest, and that of MLflow's own files beside it."""
        return f"{hash_file(self.manifest)}-{hash_files(self.loader.parent, self.packing())}"

    def find_change(self, seal: str) -> str | None:
        """Say which files are changed, missing or new since the registration; None if none is.

        Args:
            seal: As it was of the registered artifact.
        """
        if not self.manifest.is_file() or not seal.startswith(hash_file(self.manifest)):
            return f"changed since it was registered: serving/{MANIFEST}"
        registered: dict[str, str] = json.loads(self.manifest.read_text("utf-8"))
        found = {name: hash_file(path) for name, path in self.files().items()}
        names = sorted({name for name, _ in registered.items() ^ found.items()} | self.strangers())
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            return f"changed since it was registered: {', '.join(names[:3])}{more}"
        if seal != self.seal():
            own = ", ".join(path.name for path in self.packing())
            return f"changed since it was registered: one of MLflow's own files ({own})"
        return None


class LLMReference(Config):
    """Where the LLM of a registered artifact is."""

    model_uri: str | None = Field(
        description="URI of a registered LLM; None for a hub's, whose name and commit lie beside."
    )


def write_llm_reference(serving: Path, llm: LLMFolder, model_uri: str | None) -> None:
    """Write down where the LLM is, and of a hub's LLM its name and commit."""
    reference = LLMReference(model_uri=model_uri)
    (serving / REFERENCE).write_text(reference.model_dump_json(indent=1) + "\n", encoding="utf-8")
    if model_uri is None:
        (serving / LLM).mkdir()
        (serving / LLM / "llm.json").write_bytes((llm.path / "llm.json").read_bytes())


def fetch_llm(serving: Path, download: Callable[[str], Path]) -> LLMFolder:
    """Open the LLM that an artifact refers to.

    Args:
        serving: The artifact's settings.
        download: Brings what lies at a registered LLM's URI here.
    """
    reference = LLMReference.model_validate_json((serving / REFERENCE).read_text("utf-8"))
    uri = reference.model_uri
    return LLMFolder.at(serving / LLM if uri is None else download(uri))
