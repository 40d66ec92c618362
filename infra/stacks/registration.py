"""Registering a ZenML stack from its parts: made, changed or left as it is."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from zenml.client import Client
from zenml.enums import StackComponentType as Kind
from zenml.models import ComponentResponse, StackResponse
from zenml.stack.utils import validate_stack_component_config

from infra.stacks.repository import find_stack

MADE, CHANGED, UNCHANGED = "made", "changed", "unchanged"
DEFAULT = "default"
"""Name of ZenML's own local orchestrator."""


class Part(NamedTuple):
    """A component of a stack, as it is to be.

    Attributes:
        kind: What it is.
        flavor: ZenML's name of its implementation.
        settings: Its configuration; what is left out has ZenML's default.
    """

    kind: Kind
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
    composed = compose_stack(client, name, wanted, name)
    client.activate_stack(name)
    return [*(change for _, change in registered), composed]


def register_twin(client: Client, name: str, original: str, kinds: Sequence[Kind]) -> Change:
    """Register or update a stack that runs its steps here, beside one that doesn't.

    Args:
        client: Of any repository.
        name: Of the twin.
        original: Name of the other one.
        kinds: Of the components that both have.
    """
    found = client.get_stack(original, allow_name_prefix_match=False).components
    shared = {kind: found[kind][0] for kind in kinds}
    here = client.get_stack_component(Kind.ORCHESTRATOR, DEFAULT, allow_name_prefix_match=False)
    return compose_stack(client, name, {Kind.ORCHESTRATOR: here, **shared}, original)


def compose_stack(
    client: Client, name: str, wanted: Mapping[Kind, ComponentResponse], owner: str
) -> Change:
    """Make a stack of registered components, or change it.

    Args:
        client: Of any repository.
        name: Of the stack.
        wanted: The component of each kind.
        owner: Components that begin with this name are removed when no stack has them any more.
    """
    thing, stack = f"the stack {name}", find_stack(client, name)
    if stack is None:
        client.create_stack(name, {kind: component.id for kind, component in wanted.items()})
        return Change(thing, MADE)
    return Change(thing, CHANGED if _replace_parts(client, stack, wanted, owner) else UNCHANGED)


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
    client: Client,
    stack: StackResponse,
    wanted: Mapping[Kind, ComponentResponse],
    owner: str,
) -> bool:
    """Let the stack have the wanted components; tells whether it had others."""
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
        is_ours = component.name.startswith(f"{owner}_")
        if is_ours and not client.list_stacks(component_id=component.id).items:
            client.delete_stack_component(component.id, component.type)
    return True
