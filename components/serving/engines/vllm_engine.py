"""The engine of a decoder-only LLM on a vLLM server (0.21 or newer) of its own.

    vllm serve NAME --revision COMMIT --enable-prompt-embeds \
        --chat-template FILE --chat-template-content-format openai

`components.serving.engines.check_vllm` writes FILE and checks a server. None was at hand when this
was written: what is known of vLLM is read from its source (`vllm_layout`), and tested against a
server of our own that reads requests as that source does.

Beside the text that was asked, only I and P leave this process. The server caches what it has read
by a salt a user, so that nobody learns from its speed what others asked.
"""

import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from components.serving.bundle import ServingBundle
from components.serving.bundle_card import hash_vocabulary
from components.serving.engines.batching import Batcher, Job
from components.serving.engines.candidate import Candidate
from components.serving.engines.config import EngineConfig
from components.serving.engines.engine import (
    EngineAnswer,
    EngineBusyError,
    EnginePiece,
    EngineRequest,
    NotOfferedError,
    PromptTooLongError,
    UnreadableInputError,
)
from components.serving.engines.item_encoding import ItemEncoding
from components.serving.engines.transformers_engine import ignore_size
from components.serving.engines.vllm_client import VLLMClient, VLLMConfig
from components.serving.engines.vllm_layout import PLACEHOLDER
from components.serving.engines.vllm_personas import MadePersona, Personas
from components.serving.persona_model import ServingSpec

NOBODY = MadePersona(data="", item_weights=None, seconds={"encode_input": 0.0, "aggregate": 0.0})
"""Of a request without vectors."""
NO_USAGE = {"prompt_tokens": 0, "completion_tokens": 0}
"""Of a stream whose server counts nothing."""


class VLLMEngine:
    """Answers by a remote LLM; belongs to one event loop.

    Labels are generated under constraint, token by token, as vLLM has it; `label_scores` finds the
    likeliest label as a whole. The two differ where a label that begins likelier ends unlikelier.

    Args:
        bundle: What is served; the weights of its LLM are not loaded.
        server: Where the LLM is.
        config: Limits.
        on_batch: Told the size of every batch of personas.

    Raises:
        ValueError: If the bundle is not what it was, or such a server cannot answer as it does.
    """

    def __init__(
        self,
        bundle: ServingBundle,
        server: VLLMConfig,
        config: EngineConfig = EngineConfig(),  # noqa: B008  frozen
        on_batch: Callable[[int], None] = ignore_size,
    ) -> None:
        bundle.check_files()
        self._card = card = bundle.card()
        require_servable(bundle)
        self._spec = ServingSpec.read(bundle.path)
        self.task = self._spec.task
        self.model_name, self.model_version = card.model_name, card.model_version
        self.fingerprint, self.dim = card.encoder.fingerprint, card.encoder.dim
        self._server, self._config = server, config
        self._tokenizer = bundle.llm().load_tokenizer()
        if hash_vocabulary(self._tokenizer) != card.tokenizer.vocabulary_sha256:
            raise ValueError(f"{bundle.path}: the LLM's tokenizer is not the one it was made with")
        around = (card.tokenizer.front, card.tokenizer.head, card.tokenizer.tail)
        self._room = card.generation.max_input_length - sum(map(len, around))
        self.personas = Personas(bundle.plug_in(), self.task, getattr(torch, card.llm.dtype))
        self._encoding = ItemEncoding(self.personas.encode_rendered, config.max_waiting)
        self._batcher: Batcher[EngineRequest, MadePersona] = Batcher(self._make, config, on_batch)
        self._client = VLLMClient(server)
        self._num_requests = 0

    async def answer(self, request: EngineRequest) -> EngineAnswer:
        """Answer a request; a caller that is cancelled meanwhile takes it back.

        Raises:
            EngineBusyError: If too many requests wait, here or there.
            PromptTooLongError: If the LLM can't read so much.
            UnreadableInputError: If it holds vLLM's placeholder.
            NotOfferedError: If likelihoods are wanted.
            ServerError: If the server cannot answer.
        """
        with self._count():
            asked = time.perf_counter()
            persona = await self._find_persona(request)
            made = time.perf_counter()
            said = await self._client.complete(self._write(request, persona))
        choice = said["choices"][0]
        text, finish = choice["message"]["content"], choice["finish_reason"]
        return self._finish(text, finish, said["usage"], persona, asked, made)

    async def stream(self, request: EngineRequest) -> AsyncIterator[EnginePiece]:
        """Yield an answer as the server generates it.

        Raises:
            EngineBusyError: If too many requests wait, here or there.
            PromptTooLongError: If the LLM can't read so much.
            UnreadableInputError: If it holds vLLM's placeholder.
            NotOfferedError: If likelihoods are wanted.
            ServerError: If the server cannot answer.
        """
        with self._count():
            asked = time.perf_counter()
            persona = await self._find_persona(request)
            made = time.perf_counter()
            said, num_told, finish, usage = "", 0, "stop", NO_USAGE
            async for chunk in self._client.stream(self._write(request, persona)):
                usage = chunk.get("usage") or usage
                for choice in chunk["choices"]:
                    said += choice["delta"].get("content") or ""
                    finish = choice.get("finish_reason") or finish
                settled = said.strip()  # as an answer is: outer spaces are none of it
                if len(settled) > num_told:
                    yield EnginePiece(settled[num_told:], self.model_version)
                    num_told = len(settled)
        whole = self._finish(said, finish, usage, persona, asked, made)
        yield EnginePiece("", self.model_version, whole)

    def _finish(
        self,
        text: str,
        finish: str,
        usage: dict[str, int],
        persona: MadePersona,
        asked: float,
        made: float,
    ) -> EngineAnswer:
        """Make an answer of what the server said.

        Args:
            text: Its text.
            finish: Why it ended.
            usage: Its tokens.
            persona: What it was asked with.
            asked: When the request came, in seconds of the clock.
            made: When its persona was there.
        """
        stages = {
            "queue": max(0.0, made - asked - sum(persona.seconds.values())),
            **persona.seconds,
            "llm": time.perf_counter() - made,
        }
        return EngineAnswer(
            text=text.strip(),
            prompt_tokens=usage["prompt_tokens"],
            completion_tokens=usage["completion_tokens"],
            item_weights=persona.item_weights,
            seconds=stages,
            model_version=self.model_version,
            is_cut=finish == "length",
        )

    async def encode_items(self, texts: Sequence[str]) -> NDArray[np.float16]:
        """Encode history items as the task's template renders them; float16 [H, E].

        Raises:
            EngineBusyError: If too many wait.
        """
        return await self._encoding.encode(texts)

    async def close(self) -> None:
        """Make what waits, then close the connections; what comes now is refused."""
        await self._batcher.close()
        self._encoding.close()
        await self._client.close()

    @contextmanager
    def _count(self) -> Iterator[None]:
        if self._num_requests >= self._config.max_waiting:
            raise EngineBusyError(1)
        self._num_requests += 1
        try:
            yield
        finally:
            self._num_requests -= 1

    async def _find_persona(self, request: EngineRequest) -> MadePersona:
        num_tokens = self._check(request)
        if request.vectors is None:
            return NOBODY
        return await self._batcher.submit(request, None, num_tokens)

    def _make(self, jobs: list[Job[EngineRequest, MadePersona]]) -> list[MadePersona]:
        return self.personas.make([job.given for job in jobs])

    def _check(self, request: EngineRequest) -> int:
        """Return how many tokens the LLM reads of a request's text."""
        vectors = request.vectors
        if vectors is not None and (vectors.ndim != 2 or vectors.shape[1] != self.dim):
            raise ValueError(f"vectors have shape {vectors.shape}; they must be [H, {self.dim}]")
        if request.likelihood:
            raise NotOfferedError("a remote LLM tells no likelihoods")
        text = self._spec.choose_text(request.payload, request.prompt)
        if PLACEHOLDER in text:
            raise UnreadableInputError(
                f"the input holds {PLACEHOLDER!r}, which vLLM keeps to itself"
            )
        num_tokens = len(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        if num_tokens > self._room:
            raise PromptTooLongError(self._room, num_tokens)
        return num_tokens

    def _write(self, request: EngineRequest, persona: MadePersona) -> dict[str, Any]:
        """Write what the server is asked."""
        text = self._spec.choose_text(request.payload, request.prompt)
        parts = [{"type": "text", "text": text}]
        if request.vectors is not None:
            parts.insert(0, {"type": "prompt_embeds", "data": persona.data})
        rule = self._card.generation
        most = request.max_new_tokens or rule.max_new_tokens
        body: dict[str, Any] = {
            "model": self._server.model,
            "messages": [{"role": "user", "content": parts}],
            "max_tokens": min(most, self._config.max_new_tokens),
            "temperature": 0,
            "repetition_penalty": 1.0,  # a server else takes the model's own, of prompts too
            "stop_token_ids": list(rule.ends),
            "cache_salt": request.owner or secrets.token_hex(16),
        }
        if rule.is_scored:
            body["max_tokens"] = rule.max_new_tokens
            body["structured_outputs"] = {"choice": list(self.task.labels)}
        return body


def load_vllm_candidate(
    bundle: ServingBundle,
    server: VLLMConfig,
    config: EngineConfig,
    on_batch: Callable[[int], None] = ignore_size,
) -> Candidate:
    """Load a bundle's plug-in for a remote LLM: what `load_candidate` is to one in this process.

    Args:
        bundle: The bundle.
        server: Where the LLM is.
        config: Limits.
        on_batch: Told the size of every batch of personas.

    Raises:
        ValueError: If the bundle is not what it was, or such a server cannot answer as it does.
    """
    engine, golden = VLLMEngine(bundle, server, config, on_batch), bundle.golden()
    return Candidate(engine, golden, golden.prepare(engine.personas.encode_rendered))


def require_servable(bundle: ServingBundle) -> None:
    """Refuse a bundle whose answers no vLLM server gives.

    Raises:
        ValueError: If it isn't decoder-only, answers by a median, or searches with beams.
    """
    card = bundle.card()
    obstacles = {
        "reads with an encoder, and vLLM takes soft prompts for decoder-only LLMs only": (
            card.llm.is_encoder_decoder
        ),
        "answers by the median of the labels' scores, and vLLM gives no scores of labels; "
        "llm.ordinal_answer must be 'mode'": card.generation.is_median,
        "searches with beams; llm.num_beams must be 1": card.generation.num_beams > 1,
    }
    found = [obstacle for obstacle, is_so in obstacles.items() if is_so]
    if found:
        raise ValueError(f"{bundle.path}: no bundle for vLLM, as its LLM {found[0]}")
