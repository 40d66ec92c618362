"""The answers of one batch of requests, with what they cost and how items weighed.

Every part is training's: collator, user embedder, splice, answer rule. A request without vectors is
answered as by the evaluation's arm `base`: by the LLM alone, both places of the soft prompt empty.

Letters: B batch, H history items, K soft prompt vectors, T tokens.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from transformers import StoppingCriteriaList

from components.llm.answer_likelihood import score_answers
from components.llm.answering import (
    AnswerRule,
    answer_prompts,
    generate_ids,
    list_ends,
    spell_answers,
)
from components.llm.frozen_llm import SoftPrompt
from components.serving.engines.engine import EngineAnswer, EngineRequest, Likelihood
from components.serving.engines.row_streamer import RowStreamer
from components.serving.persona_model import PersonaModel
from components.user_embedder.aggregator import Persona
from components.user_embedder.collator import Example
from components.user_embedder.persona_llm import PersonaLLM
from components.user_embedder.user_embedder import Aggregation, UserEmbedder


@dataclass(frozen=True)
class Watch:
    """Who looks on while one request of a batch is computed."""

    waited_s: float
    """Seconds that the request waited for its batch."""
    tell: Callable[[str], None] | None
    """Told the pieces of a generated answer; None for nobody."""
    is_given_up: Callable[[], bool]
    """Whether nobody waits for the answer any more."""


class Said(NamedTuple):
    """An answer of the LLM."""

    text: str
    num_tokens: int
    is_cut: bool = False
    """Whether it has no end, as it may not be longer."""


class BatchAnswers:
    """Computes batches; for one thread.

    Args:
        model: The model of one task.
        model_version: Its version.
    """

    def __init__(self, model: PersonaModel, model_version: str) -> None:
        self._model = model
        self._model_version = model_version
        self._alone = PersonaLLM(model.llm, None)
        assert model.persona_llm.embedder is not None, "a plug-in is an embedder"
        self._embedder = model.persona_llm.embedder
        self._clock = EncoderClock(self._embedder, model.llm.model.device)

    @torch.inference_mode()
    def compute(
        self, requests: Sequence[EngineRequest], watches: Sequence[Watch], max_new_tokens: int
    ) -> list[EngineAnswer]:
        """Answer a batch.

        Args:
            requests: Either all with vectors or all without.
            watches: One a request.
            max_new_tokens: Longest generated answer.
        """
        has_persona = requests[0].vectors is not None
        started = time.perf_counter()
        batch = self._collate(requests)
        soft_prompt = (self._model.persona_llm if has_persona else self._alone).soft_prompt(batch)
        wait_for(self._model.llm.model.device)
        made = time.perf_counter()
        rule = replace(self._model.rule, max_new_tokens=max_new_tokens)
        said = self._ask(soft_prompt, batch, rule, watches)
        llm_s = time.perf_counter() - made
        encode_s = self._clock.take()
        most = self._model.card.embedder.max_history_items
        weights = weigh_items(self._embedder.last_persona, requests, most)
        likelihoods, likelihood_s = self._weigh_answers(requests, said, soft_prompt)
        read_B = count_read(soft_prompt, batch, len(self._model.llm.layout.front))
        return [
            EngineAnswer(
                text=said[row].text,
                prompt_tokens=read_B[row],
                completion_tokens=said[row].num_tokens,
                item_weights=weights[row],
                seconds={
                    "queue": watches[row].waited_s,
                    "encode_input": encode_s,
                    "aggregate": made - started - encode_s,
                    "llm": llm_s,
                    **likelihood_s,
                },
                model_version=self._model_version,
                is_cut=said[row].is_cut,
                likelihood=likelihoods.get(row),
            )
            for row in range(len(requests))
        ]

    def _weigh_answers(
        self, requests: Sequence[EngineRequest], said: Sequence[Said], soft_prompt: SoftPrompt
    ) -> tuple[dict[int, Likelihood], dict[str, float]]:
        """Return the likelihoods of the rows that ask for them, and the seconds that took."""
        rows = [
            row
            for row, request in enumerate(requests)
            if request.likelihood and request.vectors is not None
        ]
        if not rows:
            return {}, {}
        started = time.perf_counter()
        batch = self._collate([requests[row] for row in rows], [said[row].text for row in rows])
        prompts = (
            SoftPrompt(*(part[rows] for part in soft_prompt)),
            self._alone.soft_prompt(batch),
        )
        with_persona, without = (
            score_answers(self._model.llm, prompt, batch) for prompt in prompts
        )
        pairs = zip(with_persona.tolist(), without.tolist(), strict=True)
        likelihoods = dict(zip(rows, (Likelihood(*pair) for pair in pairs), strict=True))
        return likelihoods, {"likelihood": time.perf_counter() - started}

    def _collate(
        self, requests: Sequence[EngineRequest], answers: Sequence[str] | None = None
    ) -> dict[str, Tensor]:
        nothing = np.zeros((0, self._model.card.encoder_dim), dtype=np.float16)
        examples = [
            Example(
                self._model.spec.choose_text(request.payload, request.prompt),
                request.payload,
                nothing if request.vectors is None else request.vectors,
                None if answers is None else answers[row],
            )
            for row, request in enumerate(requests)
        ]
        device = self._model.llm.model.device
        return {name: part.to(device) for name, part in self._model.collate(examples).items()}

    def _ask(
        self,
        soft_prompt: SoftPrompt,
        batch: dict[str, Tensor],
        rule: AnswerRule,
        watches: Sequence[Watch],
    ) -> list[Said]:
        """Return the answers."""
        llm = self._model.llm
        if rule.is_scored:
            texts = answer_prompts(llm, soft_prompt, batch, rule)
            return [Said(text, len(rule.label_ids[rule.labels.index(text)])) for text in texts]
        watching: dict[str, Any] = {"stopping_criteria": StoppingCriteriaList([_stop(watches)])}
        if rule.num_beams == 1 and not rule.labels:
            listeners = [watch.tell for watch in watches]
            watching["streamer"] = RowStreamer(llm.tokenizer, listeners)
        ids = generate_ids(llm, soft_prompt, batch, rule, **watching)
        said = ids[:, 1:] if llm.is_encoder_decoder else ids
        texts, ends = spell_answers(llm, ids, rule), set(list_ends(llm))
        return [
            Said(text, count_said(row, ends), ends.isdisjoint(row))
            for text, row in zip(texts, said.tolist(), strict=True)
        ]


def weigh_items(
    persona: Persona | None, requests: Sequence[EngineRequest], max_items: int
) -> list[tuple[float, ...] | None]:
    """Return the weights of each request's items, None where they are not wanted or there are none.

    Args:
        persona: Of the batch.
        requests: The batch's.
        max_items: How many items are read; older ones weigh nothing.
    """
    weights: list[tuple[float, ...] | None] = []
    for row, request in enumerate(requests):
        if persona is None or request.vectors is None or not request.explain:
            weights.append(None)
            continue
        num_read = min(len(request.vectors), max_items)
        unread = (0.0,) * (len(request.vectors) - num_read)
        weights.append((*unread, *persona.weights_BH[row, :num_read].tolist()))
    return weights


def count_read(soft_prompt: SoftPrompt, batch: dict[str, Tensor], num_front: int) -> list[int]:
    """Return how many places the LLM reads of each prompt."""
    counts_B = soft_prompt.mask_BK.sum(dim=1) + batch["llm_attention_mask"].sum(dim=1)
    read: list[int] = (counts_B + num_front).tolist()
    return read


def count_said(ids: Sequence[int], ends: set[int]) -> int:
    """Return how many tokens an answer has, the first end included.

    Example:
        >>> count_said([7, 8, 1, 0, 0], {1}), count_said([7, 8], {1})
        (3, 2)
    """
    return next((place + 1 for place, token in enumerate(ids) if token in ends), len(ids))


def _stop(watches: Sequence[Watch]) -> Callable[..., Tensor]:
    """Make what ends a generation when nobody waits for any of its answers."""

    def stop(input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        is_over = all(watch.is_given_up() for watch in watches)
        return torch.full((len(input_ids),), is_over, device=input_ids.device)

    return stop


def wait_for(device: torch.device) -> None:
    """Let a GPU finish, so that seconds are counted where they are spent."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class EncoderClock:
    """Counts the seconds of the input encoder within a user embedder.

    Args:
        embedder: The user embedder.
        device: Where it computes.
    """

    def __init__(self, embedder: UserEmbedder, device: torch.device) -> None:
        self._device = device
        self._seconds = self._started = 0.0
        if embedder.aggregation is Aggregation.ATTENTION:
            embedder.input_encoder.register_forward_pre_hook(self._start)
            embedder.input_encoder.register_forward_hook(self._stop)

    def take(self) -> float:
        """Return the seconds since the last call."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds

    def _start(self, *_: Any) -> None:
        wait_for(self._device)
        self._started = time.perf_counter()

    def _stop(self, *_: Any) -> None:
        wait_for(self._device)
        self._seconds += time.perf_counter() - self._started
