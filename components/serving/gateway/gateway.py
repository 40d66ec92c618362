"""All that a request needs, and what every route asks for first: who is calling."""

import errno
import logging
import traceback
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request

from components.serving.engines.engine import Engine
from components.serving.gateway.errors import ApiError, store_down
from components.serving.gateway.identity import Authenticator, Caller
from components.serving.gateway.metrics import Metrics
from components.serving.gateway.rate_limits import RateLimiter
from components.serving.gateway.remembered_answers import RememberedAnswers
from components.serving.gateway.settings import GatewaySettings
from components.serving.gateway.tenant_stores import StoreDownError, TenantStores

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Gateway:
    """What answers, who may ask, and what is counted."""

    engine: Engine
    stores: TenantStores
    settings: GatewaySettings
    authenticator: Authenticator
    rate_limiter: RateLimiter
    metrics: Metrics
    remembered: RememberedAnswers

    def note_store_down(self, error: StoreDownError) -> ApiError:
        """Count and log that the store didn't answer; return what a client is told of it."""
        self.metrics.errors.labels("store").inc()
        LOGGER.warning("the persona store does not answer: %s", name_cause(error.__cause__))
        return store_down()


def name_cause(error: BaseException | None) -> str:
    """Return an error's kind, its database's code, and where it was; its message may name a user.

    Example:
        >>> name_cause(OSError(28, "No space left on device"))
        'OSError ENOSPC'
    """
    if error is None:
        return "unknown"
    inner = getattr(error, "orig", None) or error  # SQLAlchemy wraps the driver's
    code = getattr(inner, "sqlite_errorname", None) or getattr(inner, "sqlstate", None)
    if isinstance(inner, OSError) and inner.errno is not None:
        code = errno.errorcode.get(inner.errno)
    places = traceback.extract_tb(error.__traceback__)[-1:]
    at = [f"at {place.filename.rpartition('/')[2]}:{place.lineno}" for place in places]
    return " ".join([type(inner).__name__, *([code] if code else []), *at])


async def get_gateway(request: Request) -> Gateway:  # else it would be called in a thread
    """Return the application's gateway."""
    gateway: Gateway = request.app.state.gateway
    return gateway


GatewayOf = Annotated[Gateway, Depends(get_gateway)]


async def find_caller(
    gateway: GatewayOf, authorization: Annotated[str | None, Header()] = None
) -> Caller:
    """Return who asks, whose request is counted.

    Raises:
        ApiError: If nobody known does, or too often.
    """
    caller = await gateway.authenticator.identify(authorization)
    await gateway.rate_limiter.count(caller)
    return caller


CallerOf = Annotated[Caller, Depends(find_caller)]
