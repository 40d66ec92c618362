"""Register and activate this repository's local ZenML stack: `python -m infra.stacks.local`.

Local orchestrator and artifact store, MLflow tracker and model registry. Everything lies in the
repository's `state/artifacts`: with no tracking_uri the tracker keeps its SQLite database beside
the artifacts. Only `.zen/` of this repository is activated; the user's global stack stays as it is.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

from zenml.client import Client
from zenml.enums import StackComponentType
from zenml.models import StackResponse

from infra.stacks.repository import REPOSITORY, find_stack, open_repository

PREFIX = "persona_plug_local_"
OWNER_FILE = ".zenml_stack"


class LocalStack(NamedTuple):
    """What the registration made or found."""

    name: str
    artifacts: Path
    made: bool
    active: str


def stack_name(root: Path) -> str:
    """Return the stack's name: two clones have two stacks, as components hold paths."""
    return PREFIX + hashlib.sha256(str(root).encode()).hexdigest()[:8]


def register_local_stack(root: Path) -> LocalStack:
    """Make or find the local stack of the repository at `root` and activate it there.

    A stack that the user activated in this repository stays active. A stack whose artifacts were
    deleted is registered anew: the step cache would otherwise answer with files that are gone.

    Args:
        root: The repository's root, which gets `.zen/` and `state/artifacts/`.

    Returns:
        The stack, whether it is new, and the name of the repository's active stack.
    """
    root = root.resolve()
    client = open_repository(root)
    name, artifacts = stack_name(root), root / "state" / "artifacts"
    stack = find_stack(client, name)
    if stack and not _owns(artifacts, stack):
        _forget(client, stack)
        stack = None
    made = stack is None
    stack = stack or _make_stack(client, name, artifacts)
    if client.active_stack_model.name == "default" or _is_ours(client.active_stack_model):
        client.activate_stack(stack.id)
    return LocalStack(name, artifacts, made, client.active_stack_model.name)


def _is_ours(stack: StackResponse) -> bool:
    return stack.name.startswith(PREFIX)


def _owns(artifacts: Path, stack: StackResponse) -> bool:
    """Tell whether the artifacts' folder is the one that the stack was registered with."""
    owner = artifacts / OWNER_FILE
    return owner.is_file() and owner.read_text().strip() == str(stack.id)


def _forget(client: Client, stack: StackResponse) -> None:
    """Unregister a stack of ours with its components; `default` is active meanwhile."""
    if client.active_stack_model.id == stack.id:
        client.activate_stack("default")
    client.delete_stack(stack.id, recursive=True)


def _make_stack(client: Client, name: str, artifacts: Path) -> StackResponse:
    artifacts.mkdir(parents=True, exist_ok=True)
    components = {
        StackComponentType.ARTIFACT_STORE: ("local", {"path": str(artifacts)}),
        StackComponentType.EXPERIMENT_TRACKER: ("mlflow", {}),
        StackComponentType.MODEL_REGISTRY: ("mlflow", {}),
    }
    for kind, (flavor, settings) in components.items():
        if not client.list_stack_components(type=kind, name=name).items:
            client.create_stack_component(name, flavor, kind, settings)
    named = dict.fromkeys(components, name) | {StackComponentType.ORCHESTRATOR: "default"}
    stack = client.create_stack(name, named)
    (artifacts / OWNER_FILE).write_text(f"{stack.id}\n")
    return stack


def main() -> None:
    """Register the stack of the repository that this file lies in, and say what was done."""
    stack = register_local_stack(REPOSITORY)
    print(f"{'made' if stack.made else 'found'} the stack {stack.name} ({stack.artifacts})")  # noqa: T201
    if stack.active != stack.name:
        print(  # noqa: T201
            f"left your active stack {stack.active} alone; "
            f"`zenml stack set {stack.name}` activates the local one"
        )


if __name__ == "__main__":
    main()
