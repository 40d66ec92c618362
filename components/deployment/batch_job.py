"""The Job of one batch, made of the CronJob that is its template.

Jobs can't be changed once they are there, so each has a name of its own: the same model version
asked twice is one Job, which does nothing the second time.
"""

import copy
import re

from components.deployment.manifests import Object

NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
MAX_LENGTH = 52
"""Of a Job's name: its pods' names have its index and five letters behind, and must be labels."""


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
