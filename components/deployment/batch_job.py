"""The Job of one batch, made of the CronJob that is its template, and its settings.

Jobs can't be changed once they are there, so each has a name of its own: the same model version
asked twice is one Job, which does nothing the second time.
"""

import copy
import re
from collections.abc import Sequence
from typing import NamedTuple

import yaml

from components.deployment.manifests import Object, name_of
from components.encoders.config import EncoderConfig
from components.tasks.task import Task

NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
MAX_LENGTH = 52
"""Of a Job's name: its pods' names have its index and five letters behind, and must be labels."""
RUN_FILE = "run.yaml"
"""Of a ConfigMap: the run's YAML that the batch reads."""


class VectorRecipe(NamedTuple):
    """What of a model version its users' vectors are made by."""

    task: Task
    """Renders their items."""
    encoder: EncoderConfig
    """Reads them."""


def fit_settings(configs: Sequence[Object], recipe: VectorRecipe) -> tuple[Object, str]:
    """Return the ConfigMap of the batch's YAML, and that YAML with a model version's recipe in it.

    Where the store is and how much is done at once stay as they are.

    Args:
        configs: What the batch reads.
        recipe: The version's.

    Raises:
        ValueError: If not one of them holds a run's YAML.
    """
    found = [one for one in configs if RUN_FILE in (one.get("data") or {})]
    if len(found) != 1:
        names = [name_of(one) for one in configs]
        raise ValueError(f"the batch reads {names}; expected one generated with {RUN_FILE} in it")
    document = yaml.safe_load(found[0]["data"][RUN_FILE]) or {}
    parameters = document.get("parameters") or {}
    encoder = recipe.encoder.model_dump(mode="json")
    if "batch_tokens" in (theirs := parameters.get("encoder") or {}):
        encoder["batch_tokens"] = theirs["batch_tokens"]
    task = recipe.task.model_dump(mode="json")
    fitted = {**document, "parameters": {**parameters, "task": task, "encoder": encoder}}
    return found[0], yaml.safe_dump(fitted, sort_keys=False)


def read_instead(pod: Object, name: str, other: str) -> None:
    """Let a pod mount another ConfigMap in one's place."""
    for volume in pod.get("volumes") or ():
        if (volume.get("configMap") or {}).get("name") == name:
            volume["configMap"]["name"] = other


def make_batch_job(cron_job: Object, suffix: str) -> Object:
    """Return the Job that `kubectl create job --from` would make, under a name that says what for.

    Args:
        cron_job: Of the rendered manifests.
        suffix: Behind the CronJob's name, as `v7` for a model's version.

    Raises:
        ValueError: If the name would be none of a Job.
    """
    template = copy.deepcopy(cron_job["spec"]["jobTemplate"])
    metadata = cron_job["metadata"]
    name = f"{metadata['name']}-{suffix}"
    if not NAME.fullmatch(name) or len(name) > MAX_LENGTH:
        raise ValueError(
            f"{name!r}: a Job's name has at most {MAX_LENGTH} small letters, digits and hyphens"
        )
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            **(template.get("metadata") or {}),
            "name": name,
            "namespace": metadata["namespace"],
        },
        "spec": template["spec"],
    }
