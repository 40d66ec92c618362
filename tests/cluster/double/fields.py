"""Managers of fields: who has set what, and what an apply changes, keeps and removes.

After Kubernetes' server-side apply. A path's steps are ("f", name), ("k", key of an item) and
("v", a value of a set); who owns a leaf may change it, others are in conflict if they would.
"""

import copy
import json
from collections.abc import Iterator
from typing import Any

from tests.cluster.double.schema import Schema, field_of, item_of, key_of, merge_kind

Path = tuple[tuple[str, Any], ...]
Managers = dict[tuple[str, str], set[Path]]
"""By manager and operation (Apply or Update)."""
NOBODYS = {"apiVersion", "kind", "status"}
WRITTEN = {
    "name", "namespace", "managedFields", "resourceVersion", "uid", "generation",
    "creationTimestamp", "deletionTimestamp",
}  # fmt: skip


def leaves(schema: Schema, thing: Any) -> dict[Path, Any]:
    """Return the values that somebody can own, by path."""
    found: dict[Path, Any] = {}
    for name, value in thing.items():
        if name in NOBODYS:
            continue
        if name == "metadata":
            value = {key: kept for key, kept in value.items() if key not in WRITTEN}
            if not value:
                continue
        found.update(_walk(field_of(schema, name), value, (("f", name),)))
    return found


def _walk(schema: Schema, value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    kind = merge_kind(schema, value)
    if kind == "fields" and value:
        for name, inner in value.items():
            yield from _walk(field_of(schema, name), inner, (*path, ("f", name)))
    elif kind == "items" and value:
        for item in value:
            place = (*path, ("k", key_of(schema, item)))
            for name, inner in item.items():
                yield from _walk(field_of(item_of(schema), name), inner, (*place, ("f", name)))
    elif kind == "values":
        for one in value:
            yield (*path, ("v", one)), one
    else:
        yield path, value


def apply(
    schema: Schema, live: Schema, given: Schema, managers: Managers, manager: str, force: bool
) -> tuple[Schema, Managers, list[tuple[Path, str]]]:
    """Apply an object; returns it, who owns what then, and the conflicts."""
    before, wanted = leaves(schema, live), leaves(schema, given)
    me, after = (manager, "Apply"), {who: set(paths) for who, paths in managers.items()}
    conflicts = [
        (path, who[0])
        for path, value in wanted.items()
        for who, paths in after.items()
        if who != me and path in paths and before.get(path) != value
    ]
    if conflicts and not force:
        return live, managers, conflicts
    lost = {path for path, _ in conflicts}
    after = {who: paths if who == me else paths - lost for who, paths in after.items()}
    mine = after.get(me, set())
    after[me] = set(wanted)
    merged, kept = copy.deepcopy(live), set().union(*after.values())
    for path in mine - kept:
        remove(schema, merged, path)
    for path, value in wanted.items():
        put(schema, merged, path, value)
    return merged, {who: paths for who, paths in after.items() if paths}, []


def note_update(
    schema: Schema, before: Schema, after: Schema, managers: Managers, manager: str
) -> Managers:
    """Return who owns what after somebody has changed an object otherwise than by an apply."""
    old, new = leaves(schema, before), leaves(schema, after)
    changed = {path for path, value in new.items() if path not in old or old[path] != value}
    owned = {
        who: {path for path in paths if path in new and path not in changed}
        for who, paths in managers.items()
    }
    me = (manager, "Update")
    owned[me] = owned.get(me, set()) | changed
    return {who: paths for who, paths in owned.items() if paths}


def put(schema: Schema, thing: Any, path: Path, value: Any) -> None:
    """Set a leaf; what leads there is made."""
    (_, name), rest = path[0], path[1:]
    inner = field_of(schema, name)
    if not rest:
        thing[name] = copy.deepcopy(value)
        return
    if rest[0][0] == "f":
        if not isinstance(thing.get(name), dict):
            thing[name] = {}
        put(inner, thing[name], rest, value)
        return
    items = thing.setdefault(name, [])
    if rest[0][0] == "v":
        if value not in items:
            items.append(value)
        return
    key = rest[0][1]
    item = next((one for one in items if key_of(inner, one) == key), None)
    if item is None:
        item = {}
        items.append(item)
        item.update({part: said for part, said in key if said is not None})
    put(item_of(inner), item, rest[1:], value)


def remove(schema: Schema, thing: Any, path: Path) -> None:
    """Remove a leaf, and what is empty then."""
    (_, name), rest = path[0], path[1:]
    if name not in thing:
        return
    inner = field_of(schema, name)
    if not rest:
        del thing[name]
        return
    if rest[0][0] == "f":
        remove(inner, thing[name], rest)
    elif rest[0][0] == "v":
        thing[name] = [one for one in thing[name] if one != rest[0][1]]
    else:
        key, parts = rest[0][1], {part for part, _ in rest[0][1]}
        for item in thing[name]:
            if key_of(inner, item) == key and rest[1][1] not in parts:  # by which it is found
                remove(item_of(inner), item, rest[1:])
        thing[name] = [one for one in thing[name] if set(one) - parts]
    if not thing[name]:
        del thing[name]


def write_path(path: Path) -> str:
    """Write a path as the API server does in a conflict."""
    text = ""
    for kind, said in path:
        if kind == "f":
            text += f".{said}"
        elif kind == "k":
            text += "[" + ",".join(f"{name}={json.dumps(value)}" for name, value in said) + "]"
        else:
            text += f"[={json.dumps(said)}]"
    return text


def write_managers(managers: Managers, api_version: str) -> list[Schema]:
    """Return `metadata.managedFields`."""
    return [
        {
            "manager": manager,
            "operation": operation,
            "apiVersion": api_version,
            "fieldsType": "FieldsV1",
            "fieldsV1": _nest(paths),
        }
        for (manager, operation), paths in sorted(managers.items())
    ]


def _nest(paths: set[Path]) -> Schema:
    tree: Schema = {}
    for path in sorted(paths, key=write_path):
        node = tree
        for kind, said in path:
            text = json.dumps(dict(said)) if kind == "k" else said
            node = node.setdefault(f"{kind}:{text}", {})
    return tree
