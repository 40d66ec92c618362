"""Rendering the manifests by `kubectl kustomize`, and finding the file that an object is from."""

import re
import shutil
import subprocess
from pathlib import Path

import yaml

from infra.manifests.objects import Object, name_of

KUBERNETES = Path(__file__).resolve().parents[1] / "kubernetes"
"""The folder of the manifests."""
HASH = re.compile(r"-[bcdfghkmt24-9]{10}$")
"""What kustomize puts behind the names of generated ConfigMaps; its versions differ in it."""


def render(folder: Path) -> list[Object]:
    """Return the objects of a kustomization.

    Args:
        folder: Where its kustomization.yaml lies.

    Raises:
        ValueError: If there is no kubectl, or it refuses the folder.
    """
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise ValueError("kubectl is not installed (Debian: apt-get install kubernetes-client)")
    done = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True)
    if done.returncode != 0:
        raise ValueError(f"{folder}: kubectl kustomize says: {done.stderr.strip()}")
    return [document for document in yaml.safe_load_all(done.stdout) if document]


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
    return HASH.sub("", name) if thing.get("kind") in ("ConfigMap", "Secret") else name
