"""Registering a ZenML stack from its parts: made, changed or left as it is."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from zenml.client import Client
from zenml.enums import StackComponentType
from zenml.models import ComponentResponse, StackResponse
from zenml.stack.utils import validate_stack_component_config

from infra.stacks.repository import find_stack

MADE, CHANGED, UNCHANGED = "made", "changed", "unchanged"


class Part(NamedTuple):
    """A component of a stack, as it is to be.

    Attributes:
        kind: What it is.
        flavor: ZenML's name of its implementation.
        settings: Its configuration; what is left out has ZenML's default.
    """

    kind: StackComponentType
    flavor: str
    settings: dict[str, Any]


class Change(NamedTuple):
    """What the registration did to one thing.

    Attributes:
        thing: What it is, as "the artifact_store NAME (s3)".
        outcome: `MADE`, `CHANGED` or `UNCHANGED`.
        fields: Of a changed component: its settings that are others now.
    """

    thing: str
    outcome: str
    fields: tuple[str, ...] = ()


def register_stack(client: Client, name: str, parts: Sequence[Part]) -> list[Change]:
    """Register or update a stack and its components, and activate it.

    Args:
        client: Of the repository where the stack is activated.
        name: Of the stack; its components' names begin with it.
        parts: One of each kind.

    Returns:
        What was done to each component and to the stack.
    """
    registered = [_register_part(client, name, part) for part in parts]
    wanted = {component.type: component for component, _ in registered}
    changes = [change for _, change in registered]
    stack = find_stack(client, name)
    if stack is None:
        ids = {kind: component.id for kind, component in wanted.items()}
        stack = client.create_stack(name, ids)
        changes.append(Change(f"the stack {name}", MADE))
    else:
        outcome = CHANGED if _replace_parts(client, stack, wanted) else UNCHANGED
        changes.append(Change(f"the stack {name}", outcome))
    client.activate_stack(stack.id)
    return changes


def _register_part(client: Client, name: str, part: Part) -> tuple[ComponentResponse, Change]:
    own_name = f"{name}_{part.flavor}"
    thing = f"the {part.kind.value} {own_name}"
    found = client.list_stack_components(type=part.kind, name=own_name, hydrate=True).items
    if not found:
        made = client.create_stack_component(own_name, part.flavor, part.kind, part.settings)
        return made, Change(thing, MADE)
    old, new = found[0].configuration, _as_stored(part)
    fields = tuple(key for key in sorted(old | new) if old.get(key) != new.get(key))
    if not fields:
        return found[0], Change(thing, UNCHANGED)
    # What is None is removed: ZenML keeps all that the new configuration does not name.
    settings = dict.fromkeys(old) | part.settings
    changed = client.update_stack_component(found[0].id, part.kind, configuration=settings)
    return changed, Change(thing, CHANGED, fields)


def _as_stored(part: Part) -> dict[str, Any]:
    """Return the settings as ZenML stores them."""
    validated = validate_stack_component_config(
        part.settings, part.flavor, part.kind, validate_custom_flavors=True
    )
    assert validated is not None
    return validated.model_dump(mode="json", exclude_unset=True)


def _replace_parts(
    client: Client, stack: StackResponse, wanted: dict[StackComponentType, ComponentResponse]
) -> bool:
    """Let the stack have the wanted components; those of ours that it had before are removed."""
    old = [
        component
        for kind, components in stack.components.items()
        for component in components
        if kind in wanted and component.id != wanted[kind].id
    ]
    missing = set(wanted) - set(stack.components)
    if not old and not missing:
        return False
    updates = {kind: component.id for kind, component in wanted.items()}
    client.update_stack(stack.id, component_updates=updates)
    for component in old:
        if component.name.startswith(f"{stack.name}_"):
            client.delete_stack_component(component.id, component.type)
    return True
