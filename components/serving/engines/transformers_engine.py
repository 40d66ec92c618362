"""The engine in this process: every LLM that training supports, requests computed by batches.

Answers are those of `PersonaModel.answer`, whoever else is in the batch.
"""

import asyncio
import copy
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.serving.engines.batch_answers import BatchAnswers, Watch
from components.serving.engines.batching import Batcher, Job
from components.serving.engines.config import EngineConfig
from components.serving.engines.engine import (
    EngineAnswer,
    EnginePiece,
    EngineRequest,
    PromptTooLongError,
)
from components.serving.engines.item_encoding import ItemEncoding
from components.serving.persona_model import PersonaModel

Tell = Callable[[str], None]


@dataclass(frozen=True)
class _Asked:
    """A request, and who is told the pieces of its answer."""

    request: EngineRequest
    max_new_tokens: int
    tell: Tell | None


def ignore_size(_: int) -> None:
    """Let a batch's size pass."""


class TransformersEngine:
    """Answers with a model in this process, of one event loop and two threads of its own.

    Args:
        model: The model of one task.
        model_name: As clients know it.
        model_version: As the registry counts it.
        config: Limits of waiting and of batches.
        on_batch: Told the size of every batch, as it begins.
    """

    def __init__(
        self,
        model: PersonaModel,
        model_name: str,
        model_version: str,
        config: EngineConfig = EngineConfig(),  # noqa: B008  frozen
        on_batch: Callable[[int], None] = ignore_size,
    ) -> None:
        self.model = model
        self.model_name, self.model_version = model_name, model_version
        self.task = model.spec.task
        self.fingerprint = model.card.encoder_fingerprint
        self.dim = model.card.encoder_dim
        self._config = config
        self._answers = BatchAnswers(model, model_version)
        self._batcher: Batcher[_Asked, EngineAnswer] = Batcher(self._compute, config, on_batch)
        self._encoding = ItemEncoding(model.encode_rendered, config.max_waiting)
        # A tokenizer is not for two threads: this one counts, the model's own is its thread's.
        self._counter = copy.deepcopy(model.llm.tokenizer)
        self._room = model.llm.layout.find_room(model.spec.llm.max_input_length)

    async def answer(self, request: EngineRequest) -> EngineAnswer:
        """Answer a request; a caller that is cancelled meanwhile takes it back.

        Raises:
            EngineBusyError: If too many requests wait.
            PromptTooLongError: If the LLM can't read so much.
            ValueError: If the vectors are none of this encoder's.
        """
        return await self._ask(request, None)

    async def stream(self, request: EngineRequest) -> AsyncIterator[EnginePiece]:
        """Yield an answer: word by word if it is generated freely without beams, else whole.

        Raises:
            EngineBusyError: If too many requests wait.
            PromptTooLongError: If the LLM can't read so much.
            ValueError: If the vectors are none of this encoder's.
        """
        pieces: asyncio.Queue[str | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def tell(piece: str) -> None:  # in the model's thread
            loop.call_soon_threadsafe(pieces.put_nowait, piece)

        asking = asyncio.create_task(self._ask(request, tell))
        asking.add_done_callback(lambda _: pieces.put_nowait(None))
        try:
            num_told = 0
            while (piece := await pieces.get()) is not None:
                num_told += len(piece)
                yield EnginePiece(piece, self.model_version)
            whole = await asking
            yield EnginePiece(whole.text[num_told:], self.model_version, whole)
        finally:
            asking.cancel()

    async def encode_items(self, texts: Sequence[str]) -> NDArray[np.float16]:
        """Encode history items as the task's template renders them; float16 [H, E].

        Raises:
            EngineBusyError: If too many wait.
        """
        return await self._encoding.encode(texts)

    async def close(self) -> None:
        """Answer what waits, then end the threads; what comes now is refused."""
        await self._batcher.close()
        self._encoding.close()

    async def _ask(self, request: EngineRequest, tell: Tell | None) -> EngineAnswer:
        num_tokens = self._check(request)
        rule = self.model.rule
        most = min(request.max_new_tokens or rule.max_new_tokens, self._config.max_new_tokens)
        # A label's length is no limit, and must not keep requests out of one batch.
        asked = _Asked(request, rule.max_new_tokens if rule.is_scored else most, tell)
        kind = (request.vectors is None, asked.max_new_tokens)
        return await self._batcher.submit(asked, kind, num_tokens)

    def _check(self, request: EngineRequest) -> int:
        """Return how many tokens the LLM reads of a request's text."""
        vectors = request.vectors
        if vectors is not None and (vectors.ndim != 2 or vectors.shape[1] != self.dim):
            raise ValueError(f"vectors have shape {vectors.shape}; they must be [H, {self.dim}]")
        text = self.model.spec.choose_text(request.payload, request.prompt)
        num_tokens = len(self._counter(text, add_special_tokens=False)["input_ids"])
        if num_tokens > self._room:
            raise PromptTooLongError(self._room, num_tokens)
        return num_tokens

    def _compute(self, jobs: list[Job[_Asked, EngineAnswer]]) -> list[EngineAnswer]:
        now = time.perf_counter()
        watches = [Watch(now - job.since, job.given.tell, job.future.cancelled) for job in jobs]
        requests = [job.given.request for job in jobs]
        return self._answers.compute(requests, watches, jobs[0].given.max_new_tokens)
