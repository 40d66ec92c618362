"""Talking to a vLLM server: one chat completion at a time, whole or piece by piece."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from pydantic import Field

from components.config import Config
from components.serving.engines.engine import EngineBusyError, EngineDownError

CHAT = "/v1/chat/completions"
BUSY = (429, 503)
DATA, DONE = "data: ", "[DONE]"


class ServerError(EngineDownError):
    """A server cannot be reached, or cannot answer; nothing of a request's text is said."""


class VLLMConfig(Config):
    """Where a server is."""

    url: str = Field(pattern=r"^https?://", description="Its address, without /v1.")
    model: str = Field(description="The name under which it serves the LLM.")
    api_key: str | None = Field(None, repr=False, description="Its key, if it wants one.")
    timeout_seconds: float = Field(120.0, gt=0, description="Longest wait for the next bytes.")


class VLLMClient:
    """Asks a server; of one event loop. Who is cancelled meanwhile takes the request back.

    Args:
        server: Where it is.
    """

    def __init__(self, server: VLLMConfig) -> None:
        key = server.api_key
        self._http = httpx2.AsyncClient(
            base_url=server.url,
            headers={} if key is None else {"Authorization": f"Bearer {key}"},
            timeout=server.timeout_seconds,
            limits=httpx2.Limits(max_connections=None),  # the engine counts its requests itself
            trust_env=False,  # no proxy is told what users ask
        )

    async def get(self, path: str) -> dict[str, Any]:
        """Return what lies at a path of the server ("/version").

        Raises:
            ServerError: If nothing does.
        """
        async with self._ask("GET", path, None) as response:
            found: dict[str, Any] = json.loads(await response.aread())
            return found

    async def complete(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return a chat completion.

        Raises:
            EngineBusyError: If the server has too much to do.
            ServerError: If it cannot answer.
        """
        async with self._ask("POST", CHAT, body) as response:
            completion: dict[str, Any] = json.loads(await response.aread())
            return completion

    async def stream(self, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """Yield the chunks of a chat completion as they come, the last of which counts its tokens.

        Raises:
            EngineBusyError: If the server has too much to do.
            ServerError: If it cannot answer.
        """
        asked = body | {"stream": True, "stream_options": {"include_usage": True}}
        async with self._ask("POST", CHAT, asked) as response:
            async for line in response.aiter_lines():
                if not line.startswith(DATA) or line == DATA + DONE:
                    continue
                chunk: dict[str, Any] = json.loads(line.removeprefix(DATA))
                if "error" in chunk:
                    raise ServerError("the server broke off its answer")
                yield chunk

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    @asynccontextmanager
    async def _ask(
        self, method: str, path: str, body: dict[str, Any] | None
    ) -> AsyncIterator[httpx2.Response]:
        try:
            async with self._http.stream(method, path, json=body) as response:
                if response.status_code in BUSY:
                    raise EngineBusyError(read_seconds(response.headers.get("retry-after")))
                if response.is_error:
                    raise ServerError(f"{path}: the server answers {response.status_code}")
                yield response
        except (httpx2.HTTPError, json.JSONDecodeError) as err:
            raise ServerError(f"{path}: {type(err).__name__}") from err


def read_seconds(header: str | None) -> int:
    """Return the seconds that a `Retry-After` names, at least 1.

    Example:
        >>> read_seconds("7"), read_seconds(None), read_seconds("Sat, 28 Nov 2026 21:00:00 GMT")
        (7, 1, 1)
    """
    return max(1, int(header)) if header is not None and header.isdecimal() else 1
