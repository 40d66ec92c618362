"""Kubernetes' own OpenAPI schemas, strict: an unknown field is an error, as for kubectl."""

import kubernetes_validate

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
        The first thing that is wrong, or none.
    """
    try:
        kubernetes_validate.validate(thing, version, strict=True)
    except kubernetes_validate.ValidationError as err:
        field = "".join(
            f"[{part}]" if isinstance(part, int) else f".{part}" for part in err.absolute_path
        )
        return [Violation(field.lstrip("."), f"{version}: {err.message}")]
    except kubernetes_validate.SchemaNotFoundError:
        kind = f"{thing['apiVersion']} {thing['kind']}"
        return [Violation("apiVersion", f"{version}: there is no {kind}")]
    return []
