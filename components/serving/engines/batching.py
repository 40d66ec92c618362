"""Micro-batching: requests that come together are computed together, in one thread of the model's.

The next batch begins with the request that waits longest, so none waits forever, and is filled with
those of its kind whose length is nearest, so little of it is padding. Whoever leaves before his
batch begins costs nothing.
"""

import asyncio
import math
import time
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from components.serving.engines.config import EngineConfig
from components.serving.engines.engine import EngineBusyError

Given = TypeVar("Given")
Made = TypeVar("Made")
NEWEST_SHARE = 0.2
"""How much of the pace is the newest batch's."""


@dataclass(eq=False)
class Job(Generic[Given, Made]):
    """A request that waits, or is being computed."""

    given: Given
    kind: Hashable
    """Only what is of one kind can be computed at once."""
    length: int
    """Tokens."""
    future: "asyncio.Future[Made]"
    """Cancelled as soon as nobody waits for it."""
    since: float = field(default_factory=time.perf_counter)


class Batcher(Generic[Given, Made]):
    """Collects requests and computes them by batches; belongs to one event loop.

    Args:
        compute: Makes a batch's results, in its order; called in a thread that is always the same.
        config: Limits.
        on_batch: Told the size of every batch, as it begins.
    """

    def __init__(
        self,
        compute: Callable[[list[Job[Given, Made]]], list[Made]],
        config: EngineConfig,
        on_batch: Callable[[int], None],
    ) -> None:
        self._compute = compute
        self._config = config
        self._on_batch = on_batch
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._waiting: list[Job[Given, Made]] = []
        self._news = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._is_closing = False
        self._pace = 0.0
        """Seconds a request, of late."""

    async def submit(self, given: Given, kind: Hashable, length: int) -> Made:
        """Wait for a request's result; who is cancelled takes the request back.

        Raises:
            EngineBusyError: If too many wait, or no more is taken.
        """
        if self._is_closing or len(self._waiting) >= self._config.max_waiting:
            raise EngineBusyError(self.estimate_wait())
        loop = asyncio.get_running_loop()
        if self._worker is None:
            self._worker = loop.create_task(self._work())
        job = Job(given, kind, length, loop.create_future())
        self._waiting.append(job)
        self._news.set()
        try:
            return await job.future
        finally:
            if job in self._waiting:
                self._waiting.remove(job)

    def estimate_wait(self) -> int:
        """Return in how many whole seconds what waits now will be done, at least 1."""
        return max(1, math.ceil(self._pace * len(self._waiting)))

    async def close(self) -> None:
        """Compute what waits, and take no more."""
        self._is_closing = True
        self._news.set()
        if self._worker is not None:
            await self._worker
        self._thread.shutdown()

    async def _work(self) -> None:
        while True:
            while not self._waiting:
                if self._is_closing:
                    return
                self._news.clear()
                await self._news.wait()
            await self._gather()
            if batch := self._take():
                await self._finish(batch)

    async def _gather(self) -> None:
        """Wait until there is a full batch, but no longer than the window."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._config.window_ms / 1000
        while len(self._waiting) < self._config.max_batch_size and not self._is_closing:
            if (left := deadline - loop.time()) <= 0:
                return
            self._news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), left)

    def _take(self) -> list[Job[Given, Made]]:
        if not self._waiting:
            return []
        oldest = self._waiting[0]
        alike = [job for job in self._waiting if job.kind == oldest.kind]
        alike.sort(key=lambda job: abs(job.length - oldest.length))  # stable: the oldest is first
        batch: list[Job[Given, Made]] = []
        longest = 0
        for job in alike[: self._config.max_batch_size]:
            longest = max(longest, job.length)
            if batch and longest * (len(batch) + 1) > self._config.max_batch_tokens:
                break
            batch.append(job)
        for job in batch:
            self._waiting.remove(job)
        return batch

    async def _finish(self, batch: list[Job[Given, Made]]) -> None:
        self._on_batch(len(batch))
        started = time.perf_counter()
        loop = asyncio.get_running_loop()
        try:
            made = await loop.run_in_executor(self._thread, self._compute, batch)
        except Exception as err:  # it is those who asked that are to know of it
            for job in batch:
                if not job.future.done():
                    job.future.set_exception(err)
            return
        for job, result in zip(batch, made, strict=True):
            if not job.future.done():
                job.future.set_result(result)
        pace = (time.perf_counter() - started) / len(batch)
        self._pace += (NEWEST_SHARE if self._pace else 1.0) * (pace - self._pace)
