"""How many requests one key may make."""

import time

from limits import parse_many
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from components.serving.gateway.errors import ApiError
from components.serving.gateway.identity import Caller


class RateLimiter:
    """Counts requests by key, in this process.

    Args:
        requests: The limits, as "20/second;600/minute".
    """

    def __init__(self, requests: str) -> None:
        self._limits = parse_many(requests)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def count(self, caller: Caller) -> None:
        """Count a request.

        Raises:
            ApiError: If it is one too many.
        """
        for limit in self._limits:
            if not self._limiter.hit(limit, *caller.rate_key):
                wait = self._limiter.get_window_stats(limit, *caller.rate_key).reset_time
                raise ApiError(
                    429,
                    "rate_limit_exceeded",
                    f"more than {limit}",
                    None,
                    max(0.0, wait - time.time()),
                )
