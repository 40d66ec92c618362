"""Rendered manifests: objects as plain dicts, from a kustomization or from a file."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]

GENERATED = re.compile(r"-[bcdfghkmt24-9]{10}$")
"""What kustomize puts behind the names of generated ConfigMaps: a hash of their content."""


def read_manifests(place: Path) -> list[Object]:
    """Return the objects of a kustomization's folder, or of a file of rendered ones.

    Raises:
        ValueError: If there is neither, or kubectl is needed and missing, or it refuses the folder.
    """
    if place.is_dir():
        return render(place)
    if not place.is_file():
        raise ValueError(f"{place}: there is neither a kustomization nor a file of objects")
    return _load(place.read_text("utf-8"))


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
    return _load(done.stdout)


def _load(text: str) -> list[Object]:
    return [document for document in yaml.safe_load_all(text) if document]


def name_of(thing: Object) -> str:
    """Return kind and name of an object, `Deployment/mlflow`."""
    metadata = thing.get("metadata") or {}
    return f"{thing.get('kind')}/{metadata.get('name') or metadata.get('generateName')}"
