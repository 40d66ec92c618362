"""Errors as OpenAI's clients read them: `{"error": {"message", "type", "param", "code"}}`.

No message holds what a client sent: not its texts, its ids or its tokens.
"""

import logging
import math
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from components.serving.engines.engine import (
    EngineBusyError,
    EngineDownError,
    NotOfferedError,
    PromptTooLongError,
    UnreadableInputError,
)
from components.serving.gateway.metrics import Metrics

LOGGER = logging.getLogger(__name__)
TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
ENGINE_ERRORS = (
    EngineBusyError,
    EngineDownError,
    NotOfferedError,
    PromptTooLongError,
    UnreadableInputError,
)
RETRY_SECONDS = 5
"""When to try again what a store or a remote LLM kept from being answered."""
INVALID_INPUT = 422
HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


class ApiError(Exception):
    """What a client is told.

    Args:
        status: HTTP status.
        code: What went wrong, for programs.
        message: The same for people; without anything that was sent.
        param: The field that is wrong.
        retry_after_s: Seconds after which the same request may succeed.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        param: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s

    def body(self) -> dict[str, Any]:
        """Return the error as JSON."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        detail = {
            "message": self.message,
            "type": TYPES.get(self.status, kind),
            "param": self.param,
            "code": self.code,
        }
        return {"error": detail}

    def response(self) -> JSONResponse:
        """Return the error as it is sent."""
        headers = {}
        if self.retry_after_s is not None:
            headers["Retry-After"] = str(max(1, math.ceil(self.retry_after_s)))
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(self.body(), self.status, headers)


class ErrorDetail(BaseModel):
    """What is wrong."""

    message: str = Field(description="For people.")
    type: str = Field(description="OpenAI's kind of error.")
    param: str | None = Field(description="The field that is wrong.")
    code: str | None = Field(description="For programs.")


class ErrorBody(BaseModel):
    """Every error's body."""

    error: ErrorDetail


ERROR_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody, "description": description}
    for status, description in (
        (400, "The body is no JSON."),
        (401, "No key or token, or one that isn't known."),
        (403, "Another user than the token's."),
        (404, "Unknown model or answer."),
        (409, "In conflict with what is stored."),
        (413, "The body is too large."),
        (422, "Not as described, empty or too long."),
        (429, "Too many requests; Retry-After says when to try again."),
        (503, "The persona store or the LLM can't be reached."),
    )
}
"""What the description of the API says of them."""


def internal_error() -> ApiError:
    """Return what a client is told of an error that nobody foresaw."""
    return ApiError(500, "internal_error", "the server failed; it is no fault of the request")


def store_down() -> ApiError:
    """Return what a client is told while the persona store can't be had."""
    return ApiError(503, "store_down", "the persona store can't be reached", None, RETRY_SECONDS)


def explain_engine_error(error: Exception, metrics: Metrics) -> ApiError:
    """Return what a client is told of an engine's error; one that nobody foresaw is raised."""
    if isinstance(error, EngineBusyError):
        return ApiError(429, "engine_busy", str(error), None, error.retry_after_s)
    if isinstance(error, EngineDownError):
        metrics.errors.labels("engine").inc()
        LOGGER.warning("the LLM can't be reached: %s", error)
        return ApiError(503, "engine_down", "the LLM can't be reached", None, RETRY_SECONDS)
    if isinstance(error, PromptTooLongError):
        return ApiError(INVALID_INPUT, "context_length_exceeded", str(error), "messages")
    if isinstance(error, UnreadableInputError):
        return ApiError(INVALID_INPUT, "unreadable_input", str(error), "messages")
    if isinstance(error, NotOfferedError):
        return ApiError(INVALID_INPUT, "not_offered", str(error), "explain")
    raise error


def explain_invalid(error: RequestValidationError) -> ApiError:
    """Return what a client is told of a body that isn't as described."""
    wrong = [
        (".".join(map(str, one["loc"][1:])) or str(one["loc"][0]), str(one["msg"]))
        for one in error.errors()
    ]
    message = "; ".join(f"{place}: {problem}" for place, problem in wrong)
    return ApiError(INVALID_INPUT, "invalid_request", message, wrong[0][0])


def install_error_handlers(app: FastAPI, metrics: Metrics) -> None:
    """Let an application answer errors in OpenAI's shape.

    Args:
        app: The application.
        metrics: Where an engine that can't be reached is counted.
    """

    def on_api_error(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ApiError)
        return error.response()

    def on_invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return explain_invalid(error).response()

    def on_http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        code = HTTP_CODES.get(error.status_code, "invalid_request")
        told = ApiError(error.status_code, code, str(error.detail)).response()
        told.headers.update(error.headers or {})
        return told

    def on_engine_error(_: Request, error: Exception) -> JSONResponse:
        return explain_engine_error(error, metrics).response()

    app.add_exception_handler(ApiError, on_api_error)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
    for kind in ENGINE_ERRORS:
        app.add_exception_handler(kind, on_engine_error)
