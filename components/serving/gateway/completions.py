"""`/v1/chat/completions`, `/v1/completions` and `/v1/models`."""

import json
import logging
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel

from components.serving.engines.engine import EnginePiece
from components.serving.gateway.answering import (
    Prepared,
    answer,
    begin_stream,
    count_tokens,
    explain_answer,
    find_finish,
    note_stages,
    prepare,
)
from components.serving.gateway.errors import (
    ENGINE_ERRORS,
    ERROR_RESPONSES,
    ApiError,
    explain_engine_error,
    internal_error,
)
from components.serving.gateway.gateway import CallerOf, Gateway, GatewayOf
from components.serving.gateway.inputs import Input, read_chat, read_text
from components.serving.gateway.openai_types import (
    ChatAnswer,
    ChatRequest,
    CompletionRequest,
    Model,
    ModelList,
    TextAnswer,
)
from components.serving.gateway.shapes import ChatShape, Shape, TextShape

LOGGER = logging.getLogger(__name__)
CHAT, TEXT = ChatShape(), TextShape()
DONE = b"data: [DONE]\n\n"
router = APIRouter(prefix="/v1", tags=["OpenAI"], responses=ERROR_RESPONSES)


@router.post("/chat/completions", response_model=ChatAnswer)
async def complete_chat(
    ask: ChatRequest, client: Request, gateway: GatewayOf, caller: CallerOf
) -> Response:
    """Answer a chat: its last user message is the input that the embedder reads."""
    _check_model(gateway, ask.model)
    limits = gateway.settings.limits
    given = read_chat(gateway.engine.task, ask.messages, limits.input_chars)
    return await _complete(gateway, caller, ask, given, CHAT, client)


@router.post("/completions", response_model=TextAnswer)
async def complete_text(
    ask: CompletionRequest, client: Request, gateway: GatewayOf, caller: CallerOf
) -> Response:
    """Answer a text, which is the input that the embedder reads."""
    _check_model(gateway, ask.model)
    limits = gateway.settings.limits
    given = read_text(gateway.engine.task, ask.text, limits.input_chars, "prompt")
    return await _complete(gateway, caller, ask, given, TEXT, client)


@router.get("/models")
async def list_models(gateway: GatewayOf, caller: CallerOf) -> ModelList:
    """List the one model: that of the task which is served."""
    return ModelList(data=[_describe_model(gateway)])


@router.get("/models/{model}")
async def show_model(model: str, gateway: GatewayOf, caller: CallerOf) -> Model:
    """Show the model."""
    _check_model(gateway, model)
    return _describe_model(gateway)


def _describe_model(gateway: Gateway) -> Model:
    engine = gateway.engine
    return Model(id=engine.model_name, created=0, version=engine.model_version)


def _check_model(gateway: Gateway, model: str) -> None:
    name = gateway.engine.model_name
    if model != name:
        raise ApiError(404, "model_not_found", f"the model served here is {name}", "model")


async def _complete(
    gateway: Gateway,
    caller: CallerOf,
    ask: ChatRequest | CompletionRequest,
    given: Input,
    shape: Shape,
    client: Request,
) -> Response:
    prepared = await prepare(gateway, caller, ask, given, ask.limit, shape.prefix)
    if ask.stream:
        first, others = await begin_stream(gateway, prepared, client)
        events = _stream(gateway, prepared, shape, first, others, ask.counts_stream)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # no proxy gathers them
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)
    answered = await answer(gateway, prepared, client)
    finish, usage = find_finish(answered), count_tokens(answered)
    why, base = explain_answer(prepared, answered), prepared.base(answered.model_version)
    return JSONResponse(shape.whole(base, answered.text, finish, usage, why).model_dump())


async def _stream(
    gateway: Gateway,
    prepared: Prepared,
    shape: Shape,
    first: EnginePiece,
    others: AsyncIterator[EnginePiece],
    counts: bool,
) -> AsyncIterator[bytes]:
    """Yield a stream's events; an error in its midst is the last one, as its status is gone."""
    base, piece = prepared.base(first.model_version), first
    try:
        yield _to_event(shape.piece(base, first.text))
        async for piece in others:
            if piece.text:
                yield _to_event(shape.piece(base, piece.text))
    except ENGINE_ERRORS as err:
        yield _to_error_event(explain_engine_error(err, gateway.metrics))
        return
    except Exception as err:
        gateway.metrics.errors.labels("engine").inc()
        LOGGER.error("a stream broke off: %s", type(err).__name__)
        yield _to_error_event(internal_error())
        return
    assert piece.answer is not None, "the last piece has the whole answer"
    note_stages(gateway, piece.answer)
    yield _to_event(shape.end(base, find_finish(piece.answer)))
    if counts:
        yield _to_event(shape.counts(base, count_tokens(piece.answer)))
    yield DONE


def _to_event(piece: BaseModel) -> bytes:
    return f"data: {piece.model_dump_json(exclude_none=True)}\n\n".encode()


def _to_error_event(error: ApiError) -> bytes:
    return f"data: {json.dumps(error.body())}\n\n".encode()
