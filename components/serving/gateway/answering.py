"""One request from its text to its answer: persona, engine, what is counted and remembered."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.requests import Request

from components.serving.engines.engine import EngineAnswer, EnginePiece, EngineRequest
from components.serving.gateway.errors import INVALID_INPUT, ApiError
from components.serving.gateway.gateway import Gateway
from components.serving.gateway.identity import Caller
from components.serving.gateway.inputs import Input
from components.serving.gateway.openai_types import (
    Ask,
    Explanation,
    FinishReason,
    Likelihoods,
    Usage,
    WeighedItem,
)
from components.serving.gateway.persona_reading import PersonaRead, read_persona
from components.serving.gateway.remembered_answers import RememberedAnswer

T = TypeVar("T")
CLIENT_GONE = 499
"""What proxies log for a client that left; nobody reads it."""


@dataclass(frozen=True)
class Prepared:
    """A request that an engine can answer."""

    completion_id: str
    created: int
    tenant: str
    model: str
    read: PersonaRead
    request: EngineRequest = field(repr=False)

    def base(self, model_version: str) -> dict[str, Any]:
        """Return the fields that all answers have.

        Args:
            model_version: Of what answered.
        """
        return {
            "id": self.completion_id,
            "created": self.created,
            "model": self.model,
            "model_version": model_version,
            "persona_status": self.read.status,
        }


async def prepare(
    gateway: Gateway, caller: Caller, ask: Ask, given: Input, limit: int | None, prefix: str
) -> Prepared:
    """Make an engine's request of a client's.

    Args:
        gateway: What answers.
        caller: Who asks.
        ask: What is asked.
        given: The input.
        limit: Longest answer, in tokens.
        prefix: Of the answer's id.

    Raises:
        ApiError: If the answer may not be so long, or as `read_persona`.
    """
    longest = gateway.settings.engine.max_new_tokens
    if limit is not None and limit > longest:
        message = f"max_tokens is {limit}, allowed are {longest}"
        raise ApiError(INVALID_INPUT, "too_many_tokens", message, "max_tokens")
    engine, read = gateway.engine, await read_persona(gateway, caller, ask)
    user_id, stores = read.user_id, gateway.stores
    request = EngineRequest(
        payload=given.payload,
        prompt=given.prompt,
        vectors=None if read.persona is None else read.persona.vectors,
        max_new_tokens=limit,
        explain=bool(ask.explain),
        likelihood=ask.explain == "likelihood",
        owner=None if user_id is None else stores.name_owner(caller.tenant, user_id),
    )
    return Prepared(
        f"{prefix}-{secrets.token_hex(12)}",
        int(time.time()),
        caller.tenant,
        engine.model_name,
        read,
        request,
    )


async def answer(gateway: Gateway, prepared: Prepared, client: Request) -> EngineAnswer:
    """Ask the engine; a client that leaves takes its request back.

    Raises:
        ApiError: If the client left.
    """
    answered = await _unless_gone(gateway.engine.answer(prepared.request), client)
    note_answer(gateway, prepared)
    note_stages(gateway, answered)
    return answered


async def _unless_gone(work: Coroutine[Any, Any, T], client: Request) -> T:
    """Wait for what is done for a client, who may leave; then it is cancelled.

    Raises:
        ApiError: If the client left.
    """

    async def wait_until_gone() -> None:
        while (await client.receive())["type"] != "http.disconnect":
            pass

    done, gone = asyncio.ensure_future(work), asyncio.ensure_future(wait_until_gone())
    try:
        await asyncio.wait({done, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            raise ApiError(CLIENT_GONE, "client_gone", "the client left")
        return done.result()
    finally:
        done.cancel()
        gone.cancel()


async def begin_stream(
    gateway: Gateway, prepared: Prepared, client: Request
) -> tuple[EnginePiece, AsyncIterator[EnginePiece]]:
    """Wait for the first piece, so that an engine's refusal is a status and not a broken stream.

    Returns:
        The first piece, and all that follow.

    Raises:
        ApiError: If the client left.
    """
    pieces = gateway.engine.stream(prepared.request)

    async def find_first() -> EnginePiece:
        return await anext(pieces)

    first = await _unless_gone(find_first(), client)
    note_answer(gateway, prepared)
    return first, pieces


def note_answer(gateway: Gateway, prepared: Prepared) -> None:
    """Count an answer, and remember what was asked for whom."""
    read = prepared.read
    gateway.metrics.answers.labels(read.status).inc()
    if read.user_id is not None:
        gateway.remembered.add(
            prepared.completion_id,
            RememberedAnswer(prepared.tenant, read.user_id, prepared.request.payload),
        )


def note_stages(gateway: Gateway, answered: EngineAnswer) -> None:
    """Record how long an answer's stages took."""
    for stage, seconds in answered.seconds.items():
        gateway.metrics.stage_seconds.labels(stage).observe(seconds)


def count_tokens(answered: EngineAnswer) -> Usage:
    """Return an answer's tokens."""
    return Usage(
        prompt_tokens=answered.prompt_tokens,
        completion_tokens=answered.completion_tokens,
        total_tokens=answered.prompt_tokens + answered.completion_tokens,
    )


def find_finish(answered: EngineAnswer) -> FinishReason:
    """Return why an answer ends."""
    return "length" if answered.is_cut else "stop"


def explain_answer(prepared: Prepared, answered: EngineAnswer) -> Explanation | None:
    """Return what the persona did, if that was asked and there is one."""
    persona, weights = prepared.read.persona, answered.item_weights
    if not prepared.request.explain or persona is None or weights is None:
        return None
    items = [
        WeighedItem(id=item_id, weight=weight)
        for item_id, weight in zip(persona.item_ids, weights, strict=True)
    ]
    likelihood = answered.likelihood and Likelihoods(
        with_persona=answered.likelihood.with_persona,
        without_persona=answered.likelihood.without_persona,
    )
    return Explanation(items=items, null_weight=max(0.0, 1.0 - sum(weights)), likelihood=likelihood)
