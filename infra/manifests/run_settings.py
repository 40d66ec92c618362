"""Keys of a run's YAML that ZenML would pass over in silence, or with a warning that scrolls by.

Settings of the Kubernetes orchestrator end in Kubernetes' own objects; their keys are those of the
`kubernetes` package's models, at any depth.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from kubernetes.client import models
from zenml.config import DockerSettings
from zenml.config.pipeline_run_configuration import PipelineRunConfiguration
from zenml.config.retry_config import StepRetryConfig
from zenml.config.step_configurations import StepConfigurationUpdate
from zenml.integrations.kubernetes.flavors.kubernetes_orchestrator_flavor import (
    KubernetesOrchestratorSettings,
)
from zenml.integrations.kubernetes.pod_settings import KubernetesPodSettings

ORCHESTRATOR = "orchestrator.kubernetes"
POD_FIELDS = {
    "affinity": "V1Affinity",
    "container_security_context": "V1SecurityContext",
    "env": "list[V1EnvVar]",
    "env_from": "list[V1EnvFromSource]",
    "resources": "V1ResourceRequirements",
    "tolerations": "list[V1Toleration]",
    "volume_mounts": "list[V1VolumeMount]",
    "volumes": "list[V1Volume]",
}
"""What Kubernetes calls what pod settings hold; the other fields are plain."""
COLLECTION = re.compile(r"(?:list\[|dict\(\w+, )(?P<inner>\w+)[\])]")


def check_settings(path: Path) -> None:
    """Refuse a run's YAML with a key that is known to nobody.

    Parameters of the pipeline are checked by the pipeline itself.

    Args:
        path: The file.

    Raises:
        ValueError: If there is such a key, or no YAML; names file, key and what is allowed there.
    """
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, yaml.YAMLError) as err:
        raise ValueError(f"{path}: can't be read: {err}") from err
    if wrong := list(find_unknown_keys(document)):
        raise ValueError("\n  ".join([f"{path}: unknown keys:", *wrong]))


def find_unknown_keys(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each key that ZenML or Kubernetes does not know."""
    yield from _compare("", document, PipelineRunConfiguration.model_fields)
    yield from _check_level("", document)
    for name, step in (document.get("steps") or {}).items():
        place = f"steps.{name}."
        yield from _compare(place, step, StepConfigurationUpdate.model_fields)
        yield from _check_level(place, step)


def _check_level(place: str, level: Mapping[str, Any]) -> Iterator[str]:
    """Check what a run and a step both have."""
    yield from _compare(f"{place}retry.", level.get("retry") or {}, StepRetryConfig.model_fields)
    settings = level.get("settings") or {}
    yield from _compare(f"{place}settings.", settings, ("docker", ORCHESTRATOR))
    place = f"{place}settings."
    docker, ours = settings.get("docker") or {}, settings.get(ORCHESTRATOR) or {}
    yield from _compare(f"{place}docker.", docker, DockerSettings.model_fields)
    place = f"{place}{ORCHESTRATOR}."
    yield from _compare(place, ours, KubernetesOrchestratorSettings.model_fields)
    policy = ours.get("pod_failure_policy")
    yield from _check_model(f"{place}pod_failure_policy", policy, "V1PodFailurePolicy")
    for name in ("pod_settings", "orchestrator_pod_settings"):
        yield from _check_pod(f"{place}{name}.", ours.get(name) or {})


def _check_pod(place: str, pod: Mapping[str, Any]) -> Iterator[str]:
    yield from _compare(place, pod, KubernetesPodSettings.model_fields)
    for field, kind in POD_FIELDS.items():
        yield from _check_model(f"{place}{field}", pod.get(field), kind)
    # Of the pod's own fields ZenML wants Python's names, of what is in them Kubernetes'.
    known, place = models.V1PodSpec.openapi_types, f"{place}additional_pod_spec_args."
    others = pod.get("additional_pod_spec_args") or {}
    yield from _compare(place, others, known)
    for field in known.keys() & others.keys():
        yield from _check_model(f"{place}{field}", others[field], known[field])


def _check_model(place: str, value: Any, kind: str) -> Iterator[str]:
    """Compare keys with a model of Kubernetes', or with a list or dict of them."""
    if collection := COLLECTION.fullmatch(kind):
        named = value.items() if isinstance(value, dict) else enumerate(value or ())
        for key, one in named:
            yield from _check_model(f"{place}[{key}]", one, collection["inner"])
    elif isinstance(value, dict) and hasattr(models, kind):
        model = getattr(models, kind)
        names = {theirs: ours for ours, theirs in model.attribute_map.items()}
        yield from _compare(f"{place}.", value, names)
        for key in value.keys() & names.keys():
            yield from _check_model(f"{place}.{key}", value[key], model.openapi_types[names[key]])


def _compare(place: str, found: Collection[str], known: Collection[str]) -> Iterator[str]:
    for key in found:
        if key not in known:
            near = get_close_matches(str(key), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"allowed are {sorted(known)}"
            yield f"{place}{key}: {hint}"
