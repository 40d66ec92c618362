"""`/v1/feedback`: what an answer should have been becomes a history item."""

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from components.serving.gateway.errors import ERROR_RESPONSES, ApiError
from components.serving.gateway.gateway import CallerOf, GatewayOf
from components.serving.gateway.history_items import NewItem, Stored, store_items
from components.serving.gateway.openai_types import Strict
from components.tasks.task import Task

router = APIRouter(prefix="/v1", tags=["Personas"], responses=ERROR_RESPONSES)


class Feedback(Strict):
    """The outcome of an answer."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"completion_id": "chatcmpl-1f2e", "outcome": "sci-fi"}]}
    )
    completion_id: str = Field(min_length=1, description="The answer's id.")
    outcome: str = Field(min_length=1, description="What the user chose or wrote in the end.")


@router.post("/feedback", status_code=201)
async def give_feedback(given: Feedback, gateway: GatewayOf, caller: CallerOf) -> Stored:
    """Store the outcome of an answer as a history item of the user who was answered."""
    found = gateway.remembered.find(given.completion_id, caller.tenant)
    if found is None or not (caller.is_service or caller.name == found.user_id):
        message = "no answer of this id is remembered; give the item to the user's history"
        raise ApiError(404, "answer_not_found", message, "completion_id")
    item = make_item(gateway.engine.task, found.payload, given)
    return Stored(ids=await store_items(gateway, found.tenant, found.user_id, [item]))


def make_item(task: Task, payload: str, given: Feedback) -> NewItem:
    """Return the item that an outcome makes; feedback given twice has the same id.

    Of a task whose items have no outputs, items are the user's own texts, and so is the outcome.
    """
    if task.output_field is None:
        return NewItem(text=given.outcome, id=given.completion_id)
    return NewItem(text=payload, label=given.outcome, id=given.completion_id)
