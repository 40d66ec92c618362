"""History items become behavior vectors in a thread of their own: not behind generated answers.

Letters: H history items, E width of the history encoder.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from components.serving.engines.engine import EngineBusyError


class ItemEncoding:
    """Encodes what comes, in its order; belongs to one event loop.

    Args:
        encode: Makes vectors of rendered items; called in a thread that is always the same.
        max_waiting: Most items that wait: who brings many keeps nobody waiting for long.
    """

    def __init__(
        self, encode: Callable[[list[str]], NDArray[np.float16]], max_waiting: int
    ) -> None:
        self._encode = encode
        self._max_waiting = max_waiting
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="encoder")
        self._num_waiting = 0
        self._pace = 0.0
        """Seconds an item, of late."""

    async def encode(self, texts: Sequence[str]) -> NDArray[np.float16]:
        """Encode rendered items; float16 [H, E].

        Raises:
            EngineBusyError: If too many wait. When none does, any number is taken.
        """
        if self._num_waiting and self._num_waiting + len(texts) > self._max_waiting:
            raise EngineBusyError(max(1, math.ceil(self._pace * self._num_waiting)))
        self._num_waiting += len(texts)
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._measure, list(texts))
        finally:
            self._num_waiting -= len(texts)

    def close(self) -> None:
        """Encode what waits, and take no more."""
        self._thread.shutdown()

    def _measure(self, texts: list[str]) -> NDArray[np.float16]:
        started = time.perf_counter()
        vectors = self._encode(texts)
        self._pace = (time.perf_counter() - started) / max(1, len(texts))
        return vectors
