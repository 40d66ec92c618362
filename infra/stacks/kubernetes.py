"""Register and activate the Kubernetes ZenML stack from a YAML of your cluster's names.

    python -m infra.stacks.kubernetes --config infra/stacks/kubernetes.yaml

ZenML's Kubernetes orchestrator, a container registry, an artifact store (S3, GCS or Azure), and
MLflow as tracker and model registry. Beside it `..._deploy` with the same artifacts and MLflow,
whose steps run on this machine: deployments do. A second run changes nothing; after an edit of the
YAML it changes what was edited. Only `.zen/` of this repository is activated.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zenml.client import Client
from zenml.enums import StackComponentType

from infra.stacks.missing import find_gaps
from infra.stacks.names import StackNames, read_names
from infra.stacks.registration import UNCHANGED, Change, Part, register_stack, register_twin
from infra.stacks.repository import REPOSITORY, open_repository
from steps.deploy_stack import DEPLOY_SUFFIX

LOGIN = ("username", "password")
"""Keys of the ZenML secret of MLflow's server."""
STORE_KEYS = ("aws_access_key_id", "aws_secret_access_key")
"""Keys of the ZenML secret of the artifact store."""
NO_LOGIN = "none"
SHARED = (
    StackComponentType.ARTIFACT_STORE,
    StackComponentType.EXPERIMENT_TRACKER,
    StackComponentType.MODEL_REGISTRY,
)
"""What the stack of deployments has in common with the other one."""


def list_parts(names: StackNames) -> list[Part]:
    """Return the components of the stack."""
    store: dict[str, Any] = {"path": names.artifact_store.path}
    if names.artifact_store.endpoint_url:
        store["client_kwargs"] = {"endpoint_url": names.artifact_store.endpoint_url}
    if names.artifact_store.zenml_secret:
        store["authentication_secret"] = names.artifact_store.zenml_secret
    return [
        Part(StackComponentType.ORCHESTRATOR, "kubernetes", _configure_orchestrator(names)),
        Part(StackComponentType.CONTAINER_REGISTRY, "default", {"uri": names.registry}),
        Part(StackComponentType.ARTIFACT_STORE, names.artifact_store.flavor, store),
        Part(StackComponentType.EXPERIMENT_TRACKER, "mlflow", _configure_tracker(names)),
        Part(StackComponentType.MODEL_REGISTRY, "mlflow", {}),
        # The orchestrator asks for one. It never builds: the run's YAML says skip_build.
        Part(StackComponentType.IMAGE_BUILDER, "local", {}),
    ]


def _configure_tracker(names: StackNames) -> dict[str, Any]:
    """Return MLflow's address and how to log in there."""
    settings = {"tracking_uri": names.mlflow.address}
    if secret := names.mlflow.zenml_secret:
        login = {f"tracking_{key}": f"{{{{{secret}.{key}}}}}" for key in LOGIN}
        return settings | login
    # ZenML takes no address without a login; a server that asks for none passes a token over.
    return settings | {"tracking_token": NO_LOGIN}


def _configure_orchestrator(names: StackNames) -> dict[str, Any]:
    """Return what is the cluster's; what is the work's stands in the run's YAML."""
    cluster = names.cluster
    way = {"kubernetes_context": cluster.context} if cluster.context else {"incluster": True}
    return way | {
        "kubernetes_namespace": cluster.namespace,
        # Without it ZenML makes an account with edit rights.
        "service_account_name": cluster.pipeline_account,
        # Else the token of ZenML's server stands in the Job in clear.
        "pass_zenml_token_as_secret": True,
        "orchestrator_pod_settings": _configure_pods(names, names.pipeline_secrets),
        "pod_settings": _configure_pods(names, list(names.secrets))
        # ZenML's own `step_pod_service_account_name` is none of a dynamic pipeline's steps, which
        # would have the orchestrator's account.
        | {"additional_pod_spec_args": {"service_account_name": cluster.step_account}},
    }


def _configure_pods(names: StackNames, variables: list[str]) -> dict[str, Any]:
    """Return the environment of pods, by reference, and how they get their image."""
    secrets = {name: {"secretKeyRef": names.secrets[name].model_dump()} for name in variables}
    # Else torch starts a thread for each core of the node.
    threads = {"resourceFieldRef": {"resource": "requests.cpu"}}
    references = {"OMP_NUM_THREADS": threads} | secrets
    return {
        "image_pull_secrets": names.image_pull_secrets,
        "env_from": [{"configMapRef": {"name": name}} for name in names.config_maps],
        "env": [
            # Where ZenML changes to. Without a word it looks for the code beside its own entry
            # point, does not find what a cached step depends on, and the step fails.
            {"name": "ZENML_CUSTOM_SOURCE_ROOT", "value": "/app"},
            *({"name": name, "valueFrom": source} for name, source in references.items()),
        ],
    }


def register_kubernetes_stack(names: StackNames, root: Path) -> list[Change]:
    """Make, change or leave both stacks, and activate the cluster's in the repository at `root`.

    Args:
        names: Of the cluster and what is around it.
        root: The repository's root, which gets `.zen/`.

    Returns:
        What was done.

    Raises:
        ValueError: If there is no such ZenML secret, or it lacks a key.
    """
    client = open_repository(root.resolve())
    _require_secret(client, "mlflow", names.mlflow.zenml_secret, LOGIN)
    _require_secret(client, "artifact_store", names.artifact_store.zenml_secret, STORE_KEYS)
    changes = register_stack(client, names.name, list_parts(names))
    changes.append(register_twin(client, names.name + DEPLOY_SUFFIX, names.name, SHARED))
    return changes


def _require_secret(client: Client, owner: str, secret: str | None, keys: Sequence[str]) -> None:
    if secret is None:
        return
    try:
        found = set(client.get_secret(secret, allow_partial_name_match=False).secret_values)
    except KeyError:
        found = set()
    if absent := [f"--{key}=..." for key in keys if key not in found]:
        raise ValueError(
            f"{owner}.zenml_secret: ZenML has no secret {secret!r} with all of {keys}: "
            f"`zenml secret create {secret} {' '.join(absent)}`"
        )


def describe_changes(changes: list[Change]) -> list[str]:
    """Write one line for each thing that is not as it was, or one that all is."""
    lines = [
        " ".join([change.outcome, change.thing, *_in_parentheses(change.fields)])
        for change in changes
        if change.outcome != UNCHANGED
    ]
    things = " and ".join(change.thing for change in changes[-2:])
    return lines or [f"{things} are as the file says: nothing changed"]


def _in_parentheses(fields: tuple[str, ...]) -> list[str]:
    return [f"({', '.join(fields)})"] if fields else []


def main(arguments: list[str] | None = None) -> None:
    """Run the command; exit code 1 says that something which a run needs is missing."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--config", type=Path, required=True, help="YAML of your names")
    path = parser.parse_args(arguments).config
    try:
        names = read_names(path)
        changes = register_kubernetes_stack(names, REPOSITORY)
    except ValueError as err:
        sys.exit(str(err))
    lines = describe_changes(changes)
    gaps = find_gaps(names)
    lines += [f"active: {names.name}"]
    lines += [f"missing: {text}" for text in gaps.missing]
    lines += [f"not checked: {text}" for text in gaps.unchecked]
    sys.stdout.write("\n".join(lines) + "\n")
    if gaps.missing:
        sys.exit(1)


if __name__ == "__main__":
    main()
