"""The objects of one model version on a cluster: rendered manifests with the version put in."""

import copy
import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from components.deployment.batch_job import (
    RUN_FILE,
    VectorRecipe,
    fit_settings,
    make_batch_job,
    read_instead,
)
from components.deployment.manifests import GENERATED, Object, name_of
from components.deployment.record import ModelVersion

GATEWAY, BATCH = "Deployment/persona-plug-gateway", "CronJob/persona-plug-batch"
MODEL_ARGUMENT = "--model="
RELEASE, VERSION = "persona-plug/release", "persona-plug/model-version"
"""Labels of the gateway's pods: what they are made of, which is another template if it changes."""
MODEL, BUNDLE = "persona-plug/model", "persona-plug/bundle"
"""Annotations: which model, and the hash of its bundle."""
DIGITS = 16
OWN_FIELDS = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")
"""Of metadata, what the API server writes."""


class Release(NamedTuple):
    """What is applied.

    Attributes:
        gateway: The gateway's Deployment, last, and before it the generated ConfigMaps it reads.
        batch: The same of the batch's Job, with the settings of its own before it; empty while its
            CronJob is suspended.
    """

    gateway: list[Object]
    batch: list[Object]

    @property
    def deployment(self) -> Object:
        """The gateway's Deployment."""
        return self.gateway[-1]

    @property
    def label(self) -> str:
        """Says what the gateway's pods are made of: another one makes new pods."""
        return str(self.deployment["spec"]["template"]["metadata"]["labels"][RELEASE])

    def hash_objects(self) -> str:
        """Return the sha256 of all objects."""
        return hash_json([*self.gateway, *self.batch])


def make_release(objects: Sequence[Object], model: ModelVersion, recipe: VectorRecipe) -> Release:
    """Return the objects of a model version.

    Args:
        objects: All that was rendered for the namespace.
        model: The version.
        recipe: What its users' vectors are made by.

    Raises:
        ValueError: If there is no gateway among them, it isn't told its model by one argument, or
            the batch has no settings.
    """
    by_name = {name_of(one): one for one in objects}
    if GATEWAY not in by_name:
        raise ValueError(f"the manifests have no {GATEWAY}, but {sorted(by_name)}")
    deployment = copy.deepcopy(by_name[GATEWAY])
    template = deployment["spec"]["template"]
    put_model(template["spec"], model)
    told = {MODEL: model.place, BUNDLE: model.bundle_hash}
    for thing in (deployment, template):
        annotate(thing, "annotations", told)
    configs = find_configs(template["spec"], by_name)
    release = hash_json([*configs, deployment])[:DIGITS]
    annotate(template, "labels", {RELEASE: release, VERSION: model.version})
    return Release([*configs, deployment], make_batch(by_name, model, recipe, told))


def put_model(pod: Object, model: ModelVersion) -> None:
    """Let a pod's one container that is told a model serve this one.

    Raises:
        ValueError: If there is none, or more than one.
    """
    found = [
        (container["args"], place)
        for container in pod["containers"]
        for place, argument in enumerate(container.get("args") or ())
        if argument.startswith(MODEL_ARGUMENT)
    ]
    if len(found) != 1:
        raise ValueError(f"{GATEWAY}: {len(found)} arguments {MODEL_ARGUMENT}..., expected one")
    [(arguments, place)] = found
    arguments[place] = MODEL_ARGUMENT + model.place


def make_batch(
    by_name: dict[str, Object], model: ModelVersion, recipe: VectorRecipe, told: Object
) -> list[Object]:
    """Return the Job that embeds all users' items, if there are items to embed.

    Its name hangs on its content too: a Job can't be changed, so another one has another name. So
    have its settings, which are of this version.
    """
    cron_job = by_name.get(BATCH)
    if cron_job is None or cron_job["spec"].get("suspend"):
        return []
    template = cron_job["spec"]["jobTemplate"]
    configs = find_configs(template["spec"]["template"]["spec"], by_name)
    theirs, settings = fit_settings(configs, recipe)
    digest = hash_json([template, settings])[:8]
    job = make_batch_job(cron_job, f"v{model.version}-{digest}")
    annotate(job, "annotations", told)
    metadata = job["metadata"]
    read_instead(job["spec"]["template"]["spec"], theirs["metadata"]["name"], metadata["name"])
    ours = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": copy.deepcopy(metadata),
        "data": {**theirs["data"], RUN_FILE: settings},
    }
    return [*(one for one in configs if one is not theirs), ours, job]


def find_configs(pod: Object, by_name: dict[str, Object]) -> list[Object]:
    """Return the generated ConfigMaps that a pod reads; what others read too is no release's."""
    names = {name for name in _name_configs(pod) if GENERATED.search(name)}
    return [by_name[key] for name in sorted(names) if (key := f"ConfigMap/{name}") in by_name]


def _name_configs(pod: Object) -> Iterator[str]:
    for volume in pod.get("volumes") or ():
        if "configMap" in volume:
            yield volume["configMap"]["name"]
    for container in pod["containers"]:
        for source in container.get("envFrom") or ():
            if "configMapRef" in source:
                yield source["configMapRef"]["name"]


def annotate(thing: Object, kind: str, entries: Object) -> None:
    """Add labels or annotations to an object or a pod's template."""
    metadata = thing.setdefault("metadata", {})
    metadata[kind] = {**(metadata.get(kind) or {}), **entries}


def strip_live(live: Object) -> Object:
    """Return an object as somebody could have applied it: without what the cluster writes.

    The number of replicas is the autoscaler's.
    """
    thing = {key: value for key, value in live.items() if key != "status"}
    metadata = {key: value for key, value in live["metadata"].items() if key not in OWN_FIELDS}
    annotations = {
        key: value
        for key, value in (metadata.pop("annotations", None) or {}).items()
        if not key.startswith(("deployment.kubernetes.io/", "kubectl.kubernetes.io/"))
    }
    if annotations:
        metadata["annotations"] = annotations
    spec = {key: value for key, value in live.get("spec", {}).items() if key != "replicas"}
    return {**thing, "metadata": metadata, **({"spec": spec} if spec else {})}


def hash_json(content: Any) -> str:
    """Return the sha256 of what JSON can hold, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
