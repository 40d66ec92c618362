"""The ZenML client of this repository: only its `.zen/` is activated, never the user's own."""

from pathlib import Path

from zenml.client import Client
from zenml.models import StackResponse

REPOSITORY = Path(__file__).resolve().parents[2]


def open_repository(root: Path) -> Client:
    """Return the client of the repository at `root`, which gets a `.zen/` if it has none."""
    if not Client.is_repository_directory(root):
        Client.initialize(root)
    client = Client()
    client.activate_root(root)
    return client


def find_stack(client: Client, name: str) -> StackResponse | None:
    """Return the stack of this name with its components, if there is one."""
    found = client.list_stacks(name=name, hydrate=True).items
    return found[0] if found else None
