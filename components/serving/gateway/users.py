"""`/v1/users/{id}`: what is stored of a user. An unknown one is a user without items."""

from datetime import UTC
from typing import Annotated

from fastapi import APIRouter, Path

from components.personas.receipts import Receipt
from components.serving.gateway.errors import ERROR_RESPONSES
from components.serving.gateway.gateway import CallerOf, GatewayOf
from components.serving.gateway.history_items import (
    History,
    HistoryItem,
    NewItems,
    Stored,
    store_items,
)
from components.serving.gateway.openai_types import Id
from components.serving.gateway.tenant_stores import StoreDownError

router = APIRouter(prefix="/v1/users/{user_id}", tags=["Personas"], responses=ERROR_RESPONSES)
UserId = Annotated[Id, Path(description="The user; with a user's token only she herself.")]


@router.post("/history", status_code=201)
async def add_items(
    user_id: UserId, given: NewItems, gateway: GatewayOf, caller: CallerOf
) -> Stored:
    """Add items to the user's history; the next request sees them."""
    caller.choose_user(user_id)
    return Stored(ids=await store_items(gateway, caller.tenant, user_id, given.items))


@router.get("/history")
async def show_history(user_id: UserId, gateway: GatewayOf, caller: CallerOf) -> History:
    """Show all that is stored of the user, but for the vectors."""
    caller.choose_user(user_id)
    try:
        items = await gateway.stores.get_items(caller.tenant, user_id)
    except StoreDownError as err:
        raise gateway.note_store_down(err) from err
    return History(
        items=[
            HistoryItem(
                id=item.item_id,
                time=item.time and item.time.replace(tzinfo=UTC),
                label=item.output,
                text=item.text,
            )
            for item in items
        ]
    )


@router.delete("")
async def erase_user(user_id: UserId, gateway: GatewayOf, caller: CallerOf) -> Receipt:
    """Erase the user, everywhere and for good; returns the signed receipt."""
    caller.choose_user(user_id)
    try:
        receipt = await gateway.stores.forget(caller.tenant, user_id)
    except StoreDownError as err:
        raise gateway.note_store_down(err) from err
    gateway.remembered.forget(caller.tenant, user_id)
    return receipt
