"""A new bundle takes over from the one that serves, and no request is dropped.

The new engine is loaded in a thread and asked its golden requests while the old one serves on. Only
then it takes what comes, and the old one is closed as soon as its last request is answered. What
cannot be loaded, or answers otherwise, never serves: the old engine stays, and the reason is told.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Self

import numpy as np
from numpy.typing import NDArray

from components.serving.bundle import ServingBundle
from components.serving.engines.candidate import Candidate
from components.serving.engines.config import EngineConfig
from components.serving.engines.engine import Engine, EngineAnswer, EnginePiece, EngineRequest
from components.tasks.task import Task

logger = logging.getLogger(__name__)

Load = Callable[[ServingBundle], Candidate]


class _Serving:
    """An engine, and how many requests it has."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._num_requests = 0
        self._is_free = asyncio.Event()
        self._is_free.set()

    @contextmanager
    def use(self) -> Iterator[Engine]:
        """Count a request for as long as the block lasts."""
        self._num_requests += 1
        self._is_free.clear()
        try:
            yield self.engine
        finally:
            self._num_requests -= 1
            if not self._num_requests:
                self._is_free.set()

    async def retire(self, seconds: float) -> None:
        """Close the engine when its requests are answered, or after so many seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_free.wait(), seconds)
        await self.engine.close()


class SwappableEngine:
    """The engine of a server: whichever bundle serves at the moment. Made by `start`.

    Args:
        engine: Serves first.
        load: Makes an engine of a bundle; called in a thread.
        config: Limits.
    """

    def __init__(self, engine: Engine, load: Load, config: EngineConfig) -> None:
        self._serving = _Serving(engine)
        self._load = load
        self._config = config
        self._one_at_a_time = asyncio.Lock()

    @classmethod
    async def start(cls, bundle: ServingBundle, load: Load, config: EngineConfig) -> Self:
        """Load the first bundle.

        Args:
            bundle: The bundle.
            load: Makes an engine of a bundle; called in a thread.
            config: Limits.

        Raises:
            ValueError: If the bundle cannot be loaded, or answers its golden requests otherwise.
        """
        candidate = await asyncio.to_thread(load, bundle)
        fault = await candidate.find_fault(config.min_golden_share)
        if fault is not None:
            await candidate.engine.close()
            raise ValueError(f"{bundle.path}: {fault}")
        return cls(candidate.engine, load, config)

    @property
    def fingerprint(self) -> str:
        """Of the history encoder whose vectors it reads; no swap changes it."""
        return self._serving.engine.fingerprint

    @property
    def dim(self) -> int:
        """Width E of the vectors; no swap changes it."""
        return self._serving.engine.dim

    @property
    def task(self) -> Task:
        """The task of what serves."""
        return self._serving.engine.task

    @property
    def model_name(self) -> str:
        """The registered model's name."""
        return self._serving.engine.model_name

    @property
    def model_version(self) -> str:
        """The version that serves."""
        return self._serving.engine.model_version

    async def answer(self, request: EngineRequest) -> EngineAnswer:
        """Answer a request by the engine that serves as it comes.

        Raises:
            EngineBusyError: If too many requests wait.
            PromptTooLongError: If the LLM can't read so much.
        """
        with self._serving.use() as engine:
            return await engine.answer(request)

    async def stream(self, request: EngineRequest) -> AsyncIterator[EnginePiece]:
        """Yield an answer piece by piece, by the engine that serves as it comes.

        Raises:
            EngineBusyError: If too many requests wait.
            PromptTooLongError: If the LLM can't read so much.
        """
        with self._serving.use() as engine:
            async for piece in engine.stream(request):
                yield piece

    async def encode_items(self, texts: Sequence[str]) -> NDArray[np.float16]:
        """Encode history items as the task's template renders them; float16 [H, E].

        Raises:
            EngineBusyError: If too many wait.
        """
        with self._serving.use() as engine:
            return await engine.encode_items(texts)

    async def swap(self, bundle: ServingBundle) -> str | None:
        """Let another bundle take over, if it can.

        Returns:
            None when it serves and the old engine is closed; else why the old one stays.
        """
        async with self._one_at_a_time:
            try:
                candidate = await asyncio.to_thread(self._load, bundle)
            except Exception as err:  # whatever it is, the old engine serves on
                return self._refuse(bundle, f"{type(err).__name__}: {err}")
            fault = await self._find_fault(candidate)
            if fault is not None:
                await candidate.engine.close()
                return self._refuse(bundle, fault)
            old, self._serving = self._serving, _Serving(candidate.engine)
            logger.info("%s: version %s serves", self.model_name, self.model_version)
            await old.retire(self._config.drain_seconds)
            return None

    async def close(self) -> None:
        """Answer what waits, then give everything back."""
        async with self._one_at_a_time:
            await self._serving.retire(self._config.drain_seconds)

    async def _find_fault(self, candidate: Candidate) -> str | None:
        new, old = candidate.engine, self._serving.engine
        if new.task.name != old.task.name:
            return f"it answers task {new.task.name}, and {old.task.name} is served"
        if (new.fingerprint, new.dim) != (old.fingerprint, old.dim):
            return (
                f"it reads vectors of fingerprint {new.fingerprint}, and the persona store's are "
                f"of {old.fingerprint}: fill the store anew and start again"
            )
        try:
            return await candidate.find_fault(self._config.min_golden_share)
        except Exception as err:  # as above
            return f"its golden requests fail: {type(err).__name__}: {err}"

    def _refuse(self, bundle: ServingBundle, fault: str) -> str:
        logger.warning(
            "%s is refused, version %s serves on: %s", bundle.path, self.model_version, fault
        )
        return fault
