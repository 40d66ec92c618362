"""What every request passes: it is counted and timed, its body is limited, its failure is told.

A failure's message and values may hold a user's text: the log gets its type and where it was.
"""

import logging
import time
import traceback

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from components.serving.gateway.errors import internal_error
from components.serving.gateway.metrics import Metrics

LOGGER = logging.getLogger(__name__)
UNKNOWN_ROUTE = "unknown"


class Guard:
    """The outermost layer of the application.

    Args:
        app: What it guards.
        metrics: Where requests are counted.
        body_bytes: Largest body.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, body_bytes: int) -> None:
        self._app = app
        self._metrics = metrics
        self._body_bytes = body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, self._limit(scope, receive), send_noting)
        except Exception as err:
            self._metrics.errors.labels("internal").inc()
            LOGGER.error("%s at %s", type(err).__name__, " < ".join(_list_places(err)))
            if status:
                raise BrokenAnswerError from None  # too late to say more
            await internal_error().response()(scope, receive, send_noting)
        finally:
            self._note(scope, status, time.perf_counter() - started)

    def _limit(self, scope: Scope, receive: Receive) -> Receive:
        """Return a receiver that refuses a body beyond the limit, whatever its head says."""
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        num_bytes = 0

        async def receive_limited() -> Message:
            nonlocal num_bytes
            if announced.isdigit() and int(announced) > self._body_bytes:
                raise HTTPException(413)
            message = await receive()
            num_bytes += len(message.get("body", b""))
            if num_bytes > self._body_bytes:
                raise HTTPException(413)
            return message

        return receive_limited

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", UNKNOWN_ROUTE)  # never the path: it names users
        self._metrics.requests.labels(route, str(status)).inc()
        self._metrics.request_seconds.labels(route).observe(seconds)
        LOGGER.info("%s %s %d %.1f ms", scope["method"], route, status, 1000 * seconds)


class BrokenAnswerError(RuntimeError):
    """An answer that had begun can't be finished."""


def _list_places(error: Exception) -> list[str]:
    """Return where an error came from, the innermost place first."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames)]
