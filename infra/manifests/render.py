"""Where the manifests lie, and which file an object of them is from."""

from pathlib import Path

import yaml

from components.deployment.manifests import GENERATED
from infra.manifests.objects import Object, name_of

KUBERNETES = Path(__file__).resolve().parents[1] / "kubernetes"
"""The folder of the manifests."""


def find_files(folder: Path = KUBERNETES) -> dict[str, list[Path]]:
    """Return which files hold an object or a patch of it, by kind and name.

    Args:
        folder: Of the manifests.
    """
    files: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text("utf-8")):
            if isinstance(document, dict) and "kind" in document and "metadata" in document:
                files.setdefault(name_of(document), []).append(path)
    return files


def plain_name(thing: Object) -> str:
    """Return kind and name of an object, without the hash of a generated ConfigMap."""
    name = name_of(thing)
    return GENERATED.sub("", name) if thing.get("kind") in ("ConfigMap", "Secret") else name
