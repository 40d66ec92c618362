"""How far a batch is: a bar on a terminal, a plain line now and then in a pod's log."""

import logging
import sys
import time

from tqdm import tqdm

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 30.0


class Progress:
    """Counts items.

    Args:
        total: Number of items to come.
    """

    def __init__(self, total: int) -> None:
        self._total, self._done, self._encoded = total, 0, 0
        self._began = self._told = time.monotonic()
        self._shown = sys.stderr.isatty()
        self._bar = tqdm(total=total, unit=" items", desc="embedding", disable=not self._shown)

    def advance(self, num_items: int, num_encoded: int) -> None:
        """Count items that are done, and how many of them were encoded."""
        self._done += num_items
        self._encoded += num_encoded
        self._bar.set_postfix(encoded=self._encoded, refresh=False)
        self._bar.update(num_items)
        now = time.monotonic()
        if not self._shown and now - self._told >= SECONDS_BETWEEN_LINES:
            rate = self._done / (now - self._began)
            logger.info(
                "%d of %d items, %d of them encoded; %.0f items/s, %.0f s left",
                *(self._done, self._total, self._encoded),
                *(rate, (self._total - self._done) / rate),
            )
            self._told = now

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._bar.close()
