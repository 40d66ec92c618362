"""The plainest engine: one request at a time, by the model itself."""

import asyncio
import time

import anyio.to_thread

from components.serving.engines.engine import (
    EngineAnswer,
    EnginePiece,
    Likelihood,
    PromptTooLongError,
)
from components.user_embedder.collator import Example
from components.user_embedder.persona_llm import PersonaLLM

MAX_PROMPT_CHARS = 2000


class PlainEngine:
    """Answers by a `PersonaModel`; a stream comes in words, so that it has several pieces."""

    model_name = "persona-plug-LaMP_2"
    model_version = "3"

    def __init__(self, model, delay_seconds=0.0):
        self.model = model
        self.whole = getattr(model, "persona_llm", None) or model._model
        self.rule = getattr(model, "rule", None) or model._rule
        self.collate = getattr(model, "collate", None) or model._collate
        self.delay_seconds = delay_seconds
        self.task = model.spec.task
        self.fingerprint = model.card.encoder_fingerprint
        self.dim = model.card.encoder_dim
        self.answered, self.cancelled, self.is_closed = [], 0, False

    async def answer(self, request):
        if len(request.prompt) > MAX_PROMPT_CHARS:
            raise PromptTooLongError(MAX_PROMPT_CHARS, len(request.prompt))
        try:
            await asyncio.sleep(self.delay_seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        answer = await anyio.to_thread.run_sync(self._answer, request)
        self.answered.append(request)
        return answer

    async def stream(self, request):
        answer = await self.answer(request)
        for number, word in enumerate(answer.text.split(" ")):
            yield EnginePiece(f" {word}" if number else word, self.model_version)
        yield EnginePiece("", self.model_version, answer)

    async def encode_items(self, texts):
        return await anyio.to_thread.run_sync(self.model.encode_rendered, texts)

    async def close(self):
        self.is_closed = True

    def _answer(self, request):
        started = time.perf_counter()
        weights = None
        if request.vectors is None:
            alone = PersonaLLM(self.whole.llm, None)
            example = Example(request.payload, request.payload, self.no_vectors())
            [(_, text)] = alone.answer([example], self.collate, self.rule)
        else:
            [text] = self.model.answer([request.payload], [request.vectors], [request.prompt])
            if request.explain:
                weights = self._read_weights(len(request.vectors))
        seconds = {"queue": 0.0, "llm": time.perf_counter() - started}
        limit = request.max_new_tokens
        return EngineAnswer(
            text,
            len(request.prompt),
            len(text),
            weights,
            seconds,
            self.model_version,
            is_cut=limit is not None and limit < len(text),
            likelihood=Likelihood(-0.5, -2.0) if request.likelihood else None,
        )

    def no_vectors(self):
        return self.model.encode_rendered([])

    def _read_weights(self, num_items):
        read = self.whole.embedder.last_persona.weights_BH[0].tolist()
        return (*[0.0] * (num_items - len(read)), *read)
