"""A client of the Kubernetes API that waits for no answer for ever, and outlasts a restart.

urllib3's own `Retry` counts tries and is fixed when a client is made; here a phase's time counts,
and the little that is left once the process is told to end.
"""

import logging
import math
import time
from typing import Any

from kubernetes import client
from urllib3.exceptions import HTTPError

logger = logging.getLogger(__name__)

REQUEST_SECONDS = 15.0
"""Longest wait for one answer: a webhook of the cluster's may take 10 by itself."""
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
        self._ends = -math.inf

    def insist(self, seconds: float) -> None:
        """Ask again for so many seconds from now on, and take no longer; then once, as before."""
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
                if not is_passing(err) or time.monotonic() + PAUSE_SECONDS > self._ends:
                    raise
                reason = getattr(err, "reason", err)
                logger.warning("the API server doesn't answer, and is asked again: %s", reason)
            time.sleep(PAUSE_SECONDS)

    def _limit_seconds(self) -> float:
        left = self._ends - time.monotonic()
        return min(left, REQUEST_SECONDS) if left > 0 else REQUEST_SECONDS


def is_passing(error: client.ApiException | HTTPError) -> bool:
    """Tell whether a request may be answered a little later: of a server that starts, say."""
    if isinstance(error, HTTPError):
        return True
    return bool(error.status == TOO_MANY_REQUESTS or error.status >= SERVER_ERROR)
