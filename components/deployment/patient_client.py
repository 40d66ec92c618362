"""A client of the Kubernetes API that waits for no answer for ever, and outlasts a restart.

urllib3's own `Retry` counts tries and is fixed when a client is made; here a phase's time counts,
and the little that is left once the process is told to end.
"""

import logging
import time
from typing import Any

from kubernetes import client
from urllib3.exceptions import HTTPError

logger = logging.getLogger(__name__)

REQUEST_SECONDS = 15.0
"""Longest wait for one answer: a webhook of the cluster's may take 10 by itself."""
LEAST_SECONDS = 2.0
"""Longest wait where a phase's time is over: what is said of its end is asked for then."""
PAUSE_SECONDS = 1.0
TOO_MANY_REQUESTS, SERVER_ERROR = 429, 500


class PatientClient(client.ApiClient):
    """Asks again, for a while, what the API server doesn't answer at the moment.

    All that deployments ask may be asked twice: objects are applied, and who writes a Lease looks
    whether it is there (`lease`).

    Args:
        settings: How the API is reached.
    """

    def __init__(self, settings: client.Configuration) -> None:
        settings.retries = 0  # of urllib3, which would multiply the longest wait
        super().__init__(settings)
        self._ends: float | None = None

    def insist(self, seconds: float) -> None:
        """Ask again for so many seconds from now on, and take hardly longer."""
        self._ends = time.monotonic() + seconds

    def request(self, *args: Any, **kwargs: Any) -> Any:
        """Make a request; every one comes through here, but for port-forwards.

        Raises:
            ApiException: If it is refused, or not answered in time.
            HTTPError: If there is no connection in time.
        """
        while True:
            try:
                answered = super().request(
                    *args, **{**kwargs, "_request_timeout": self._limit_seconds()}
                )
                _ = answered.data  # reads it, as long as it can be asked again
                return answered
            except (client.ApiException, HTTPError) as err:
                if not is_passing(err) or self._seconds_left() < PAUSE_SECONDS:
                    raise
                reason = getattr(err, "reason", err)
                logger.warning("the API server doesn't answer, and is asked again: %s", reason)
            time.sleep(PAUSE_SECONDS)

    def _limit_seconds(self) -> float:
        if self._ends is None:
            return REQUEST_SECONDS
        return max(LEAST_SECONDS, min(REQUEST_SECONDS, self._seconds_left()))

    def _seconds_left(self) -> float:
        return 0 if self._ends is None else self._ends - time.monotonic()


def is_passing(error: client.ApiException | HTTPError) -> bool:
    """Tell whether a request may be answered a little later: of a server that starts, say."""
    if isinstance(error, HTTPError):
        return True
    return bool(error.status == TOO_MANY_REQUESTS or error.status >= SERVER_ERROR)
