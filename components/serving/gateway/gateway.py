"""All that a request needs, and what every route asks for first: who is calling."""

import logging
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
        cause = type(error.__cause__).__name__  # its message may name a user
        LOGGER.warning("the persona store does not answer: %s", cause)
        return store_down()


def get_gateway(request: Request) -> Gateway:
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
    gateway.rate_limiter.count(caller)
    return caller


CallerOf = Annotated[Caller, Depends(find_caller)]
