"""Kubernetes' own OpenAPI schemas, strict: an unknown field is an error, as for kubectl.

They come with the package kubernetes-validate, whose own function reads them anew at every call and
tells the first error only.
"""

import json
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from infra.manifests.objects import Object, Violation

VERSIONS = ("1.34", "1.35", "1.36")
"""The minor versions of Kubernetes that the manifests are for."""


def is_custom(thing: Object) -> bool:
    """Tell whether an object is of somebody's own kind: its group has a dot and isn't k8s.io's."""
    group = str(thing.get("apiVersion", "")).rpartition("/")[0]
    return "." in group and not group.endswith(".k8s.io")


def check_schema(thing: Object, version: str) -> list[Violation]:
    """Check an object of Kubernetes' own kinds against the schema of a version.

    Args:
        thing: The object.
        version: Minor version, as `1.36`.

    Returns:
        All that is wrong.
    """
    validator = _find_validator(str(thing.get("apiVersion")), str(thing.get("kind")), version)
    if validator is None:
        kind = f"{thing.get('apiVersion')} {thing.get('kind')}"
        return [Violation("apiVersion", f"{version}: there is no {kind}")]
    return [
        Violation(_join(error.absolute_path), f"{version}: {error.message}")
        for error in validator.iter_errors(thing)
    ]


def _join(path: Any) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).lstrip(".")


@cache
def _find_validator(api_version: str, kind: str, version: str) -> Draft202012Validator | None:
    """Return what validates a kind; None if the version doesn't know it."""
    group, _, own_version = api_version.rpartition("/")
    name = "-".join(filter(None, (kind.lower(), group.partition(".")[0], own_version)))
    path = _schemas(version) / f"{name}.json"
    if not path.is_file():
        return None
    schema = json.loads(path.read_text("utf-8"))
    registry: Registry[Any] = Resource.from_contents(schema) @ _read_definitions(version)
    return Draft202012Validator(schema, registry=registry)


@cache
def _read_definitions(version: str) -> "Registry[Any]":
    definitions = json.loads((_schemas(version) / "_definitions.json").read_text("utf-8"))
    return Resource.from_contents(definitions) @ Registry()


def _schemas(version: str) -> Traversable:
    return files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}.0-local-strict"
