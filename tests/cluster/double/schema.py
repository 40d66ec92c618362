"""Kubernetes' OpenAPI schemas as the double needs them: how a field's content is merged."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

VERSION = "1.36"
FOLDER = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{VERSION}.0-local-strict"
Schema = dict[str, Any]


@cache
def _definitions() -> Schema:
    return json.loads((FOLDER / "_definitions.json").read_text("utf-8"))["$defs"]


@cache
def find_schema(api_version: str, kind: str) -> str:
    """Return the name of a kind's definition."""
    group, _, version = api_version.rpartition("/")
    wanted = {"group": group, "kind": kind, "version": version}
    for name, definition in _definitions().items():
        if wanted in definition.get("x-kubernetes-group-version-kind", ()):
            return name
    raise ValueError(f"Kubernetes {VERSION} has no {api_version} {kind}")


def define(name: str) -> Schema:
    return _definitions()[name]


def resolve(schema: Schema) -> Schema:
    """Follow a reference; what stands beside it (the way of merging) counts too."""
    for one in [schema, *schema.get("allOf", ()), *schema.get("oneOf", ())]:
        if "$ref" in one:
            name = one["$ref"].rpartition("/")[2]
            beside = {key: value for key, value in schema.items() if key.startswith("x-")}
            return {**define(name), **beside}
    return schema


def field_of(schema: Schema, name: str) -> Schema:
    """Return the schema of an object's field; an empty one if nothing is said of it."""
    found = (schema.get("properties") or {}).get(name)
    if found is None:
        more = schema.get("additionalProperties")
        found = more if isinstance(more, dict) else {}
    return resolve(found)


def item_of(schema: Schema) -> Schema:
    return resolve(schema.get("items") or {})


def merge_kind(schema: Schema, value: Any) -> str:
    """Return how a value is merged: by field, by item or as a whole."""
    if isinstance(value, dict):
        is_atomic = schema.get("x-kubernetes-map-type") == "atomic"
        is_open = not schema.get("properties") and not schema.get("additionalProperties")
        return "atomic" if is_atomic or is_open else "fields"
    if isinstance(value, list):
        kind = schema.get("x-kubernetes-list-type", "atomic")
        return {"map": "items", "set": "values"}.get(kind, "atomic")
    return "atomic"


def key_of(schema: Schema, item: Schema) -> tuple[tuple[str, Any], ...]:
    """Return what tells an item of a list from the others; a missing key has its default."""
    fields = item_of(schema).get("properties") or {}
    return tuple(
        (name, item.get(name, (fields.get(name) or {}).get("default")))
        for name in schema["x-kubernetes-list-map-keys"]
    )
