"""How many requests one key may make."""

import time

from limits import parse_many
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from components.serving.gateway.errors import ApiError
from components.serving.gateway.identity import Caller


class RateLimiter:
    """Counts requests by key, in this process; belongs to one event loop.

    The kind for threads starts one at every request, for which the model's thread has to pause.

    Args:
        requests: The limits, as "20/second;600/minute".
    """

    def __init__(self, requests: str) -> None:
        self._limits = parse_many(requests)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def count(self, caller: Caller) -> None:
        """Count a request.

        Raises:
            ApiError: If it is one too many.
        """
        for limit in self._limits:
            if not await self._limiter.hit(limit, *caller.rate_key):
                window = await self._limiter.get_window_stats(limit, *caller.rate_key)
                raise ApiError(
                    429,
                    "rate_limit_exceeded",
                    f"more than {limit}",
                    None,
                    max(0.0, window.reset_time - time.time()),
                )
