"""The persona's side of a remote LLM: users' histories become soft prompts, without the LLM.

Letters: B batch, K soft prompt vectors, D LLM width.
"""

import base64
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from components.encoders.behavior_vectors import find_device
from components.encoders.encoding import encode_texts
from components.encoders.sentence_encoder import load_tokenizer
from components.serving.engines.batch_answers import EncoderClock, weigh_items
from components.serving.engines.engine import EngineRequest
from components.serving.persona_model import load_registered_encoder
from components.tasks.task import Task
from components.user_embedder.collator import Example, collate_inputs
from components.user_embedder.embedder_folder import EmbedderFolder


@dataclass(frozen=True)
class MadePersona:
    """A request's soft prompt, as it is sent."""

    data: str
    """The rows [K, D] that are read, as `torch.save` writes them, in base64."""
    item_weights: tuple[float, ...] | None
    seconds: dict[str, float]
    """By stage: encode_input, aggregate; of the whole batch."""


class Personas:
    """Makes soft prompts by batches, in one thread, and encodes history items, perhaps in another.

    Args:
        plug_in: The user embedder.
        task: Renders history items.
        dtype: The arithmetic of the LLM, in which rows are sent.

    Raises:
        ValueError: If the history encoder is not the one that the user embedder was trained with.
    """

    def __init__(self, plug_in: EmbedderFolder, task: Task, dtype: torch.dtype) -> None:
        self._card = plug_in.card()
        self._device = torch.device(find_device())
        self._encoder = load_registered_encoder(self._card, task, str(self._device))
        self._embedder = plug_in.load(str(self._device))
        self._embedder.settle()
        self._tokenizer = load_tokenizer(self._card.encoder)
        self._clock = EncoderClock(self._embedder, self._device)
        self._dtype = dtype

    def encode_rendered(self, texts: list[str]) -> NDArray[np.float16]:
        """Encode history items that are rendered already, oldest first; float16 [H, E]."""
        return encode_texts(self._encoder, texts, self._card.encoder)

    @torch.inference_mode()
    def make(self, requests: Sequence[EngineRequest]) -> list[MadePersona]:
        """Make the soft prompts of requests that have vectors."""
        started = time.perf_counter()
        examples = []
        for request in requests:
            assert request.vectors is not None, "without vectors there is no soft prompt"
            examples.append(Example("", request.payload, request.vectors))
        batch = collate_inputs(self._tokenizer, self._card, examples)
        prompt = self._embedder({name: part.to(self._device) for name, part in batch.items()})
        vectors_BKD, mask_BK = prompt.vectors_BKD.to("cpu", self._dtype), prompt.mask_BK.cpu()
        encode_s = self._clock.take()
        seconds = {
            "encode_input": encode_s,
            "aggregate": time.perf_counter() - started - encode_s,
        }
        most = self._card.embedder.max_history_items
        weights = weigh_items(self._embedder.last_persona, requests, most)
        return [
            MadePersona(encode_rows(vectors_KD[mask_K.bool()]), weights[row], seconds)
            for row, (vectors_KD, mask_K) in enumerate(zip(vectors_BKD, mask_BK, strict=True))
        ]


def encode_rows(rows_KD: Tensor) -> str:
    """Return rows as a server takes them: `torch.save` in base64, and nothing but these rows."""
    buffer = io.BytesIO()
    torch.save(rows_KD.clone().contiguous(), buffer)  # a view would bring its whole storage along
    return base64.b64encode(buffer.getvalue()).decode("ascii")
