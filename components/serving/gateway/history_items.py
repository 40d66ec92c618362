"""History items as clients give and see them, and how they are stored."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from components.personas.persona import PersonaItem, hash_text
from components.serving.gateway.errors import INVALID_INPUT, ApiError
from components.serving.gateway.gateway import Gateway
from components.serving.gateway.inputs import check_length
from components.serving.gateway.openai_types import Id, Strict
from components.serving.gateway.tenant_stores import (
    ItemExistsError,
    StoreDownError,
    UserErasedError,
)
from components.tasks.task import Task
from components.tasks.templates import name_fields


def _to_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("expected a time of the years 1 to 9999 in UTC") from None


Time = Annotated[AwareDatetime, AfterValidator(_to_utc)]


class NewItem(Strict):
    """An item to be stored."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"text": "A crew travels through a wormhole.", "label": "sci-fi"}]
        }
    )
    text: str = Field(min_length=1, description="What the user read or wrote.")
    label: str | None = Field(None, description="The item's output: one of the task's labels.")
    id: Id | None = Field(None, description="Unique among the user's items; made if not given.")
    time: Time | None = Field(None, description="When it happened; now if not given.")
    fields: dict[str, str] = Field({}, description="Other fields of the task's history template.")


class NewItems(Strict):
    """Items to be stored, all or none."""

    items: list[NewItem] = Field(min_length=1)


class HistoryItem(BaseModel):
    """A stored item."""

    id: str
    time: datetime | None = Field(description="UTC; null where it isn't known.")
    label: str | None
    text: str | None = Field(description="Null where texts aren't kept.")


class History(BaseModel):
    """A user's stored items, oldest first; no vectors."""

    items: list[HistoryItem]


class Stored(BaseModel):
    """What was stored; the next request sees it."""

    ids: list[str]


def render_item(task: Task, item: NewItem) -> str:
    """Return what the history encoder reads of an item, with its label or without.

    Raises:
        ApiError: If a field of the template is missing, or the label is none of the task's.
    """
    if item.label is not None and task.labels and item.label not in task.labels:
        message = f"the label is none of {list(task.labels)}"
        raise ApiError(INVALID_INPUT, "unknown_label", message, "label")
    template = task.unlabelled_template if item.label is None else task.item_template
    if template is None:
        message = f"an item of task {task.name} needs a label"
        raise ApiError(INVALID_INPUT, "field_missing", message, "label")
    fields = {**item.fields, task.input_field: item.text}
    if task.output_field is not None and item.label is not None:
        fields[task.output_field] = item.label
    if missing := sorted(set(name_fields(template)) - fields.keys()):
        names = [f"fields.{name}" for name in missing]
        message = f"an item of task {task.name} needs {', '.join(names)}"
        raise ApiError(INVALID_INPUT, "field_missing", message, names[0])
    return template.format_map(fields)


async def store_items(
    gateway: Gateway, tenant: str, user_id: str, items: Sequence[NewItem]
) -> list[str]:
    """Encode items and store them; returns their ids.

    Raises:
        ApiError: If an item isn't fit, is stored already, or the user was erased.
    """
    limits, task = gateway.settings.limits, gateway.engine.task
    if len(items) > limits.items:
        message = f"{len(items)} items, allowed are {limits.items}"
        raise ApiError(INVALID_INPUT, "too_many_items", message, "items")
    for item in items:
        given = (item.text, item.label or "", *item.fields.values())
        check_length(sum(map(len, given)), limits.input_chars, "text")
    texts = [render_item(task, item) for item in items]
    vectors = await gateway.engine.encode_items(texts)
    now, keeps_texts = datetime.now(UTC), gateway.settings.store.keep_texts
    made = [
        PersonaItem(
            item_id=item.id or f"item-{secrets.token_hex(12)}",
            vector=vector,
            content_hash=hash_text(text),
            time=item.time or now,
            output=item.label,
            text=item.text if keeps_texts else None,
        )
        for item, text, vector in zip(items, texts, vectors, strict=True)
    ]
    ids = [item.item_id for item in made]
    if len(set(ids)) < len(ids):
        raise ApiError(INVALID_INPUT, "id_twice", "an id comes twice", "items")
    await _append(gateway, tenant, user_id, made)
    return ids


async def _append(
    gateway: Gateway, tenant: str, user_id: str, items: Sequence[PersonaItem]
) -> None:
    try:
        await gateway.stores.append(tenant, user_id, items)
    except UserErasedError as err:
        message = "the user was erased, and nothing is stored until she agrees again"
        raise ApiError(409, "user_erased", message) from err
    except ItemExistsError as err:
        raise ApiError(409, "item_exists", "the user has an item of this id", "id") from err
    except StoreDownError as err:
        raise gateway.note_store_down(err) from err
