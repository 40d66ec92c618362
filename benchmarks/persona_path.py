"""What a persona costs beside one bare forward of the input encoder, both in one process.

The path is the gateway's own: the user's vectors from the store, her input's tokens, the input
encoder, the aggregator, the projector. Letters: as `components.user_embedder.user_embedder`.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import cycle, islice
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from benchmarks.serving_world import TENANT, Question, World
from components.serving.engines.batch_answers import EncoderClock
from components.serving.gateway.settings import GatewaySettings
from components.serving.gateway.tenant_stores import TenantStores
from components.serving.persona_model import PersonaModel
from components.user_embedder.collator import Example, collate_inputs

NUM_WARM_UP = 20


@dataclass(frozen=True)
class PathSeconds:
    """What one question took, in seconds of the clock but where it is said."""

    store: float
    """To read and open the user's vectors."""
    collate: float
    """To tokenize the input and pad the history."""
    encode: float
    """Of the input encoder."""
    aggregate: float
    """Of the aggregator, the projector and the instruction embedding."""
    path_cpu: float
    """Of the processor, for all so far."""
    bare: float
    """Of one forward of the input encoder by itself, on the same tokens."""
    bare_cpu: float
    """Of the processor, for `bare`."""

    @property
    def path(self) -> float:
        """All that a persona takes."""
        return self.store + self.collate + self.encode + self.aggregate


class PathTimer:
    """Times single questions; for one thread.

    Args:
        model: Whose path it is.
        stores: With the users' items.
    """

    def __init__(self, model: PersonaModel, stores: TenantStores) -> None:
        embedder = model.persona_llm.embedder
        assert embedder is not None, "a plug-in is an embedder"
        self._embedder, self._stores = embedder, stores
        self._tokenizer, self._card = model.collate.input_tokenizer, model.card
        self._clock = EncoderClock(embedder, model.llm.model.device)

    async def time(self, question: Question, *, is_bare_first: bool) -> PathSeconds:
        """Time a question's path and the bare forward on its tokens, one after the other."""
        tokens = self._collate(question, np.zeros((0, self._card.encoder_dim), np.float16))
        bare = self._time_bare(tokens) if is_bare_first else None
        path = await self._time_path(question)
        return PathSeconds(*path, *(bare or self._time_bare(tokens)))

    async def _time_path(self, question: Question) -> tuple[float, float, float, float, float]:
        cpu, asked = time.process_time(), time.perf_counter()
        vectors = (await self._stores.get(TENANT, question.user)).vectors
        started = time.perf_counter()
        batch = self._collate(question, vectors)
        collated = time.perf_counter()
        self._embedder(batch)
        embed_s = time.perf_counter() - collated
        cpu_s, encode_s = time.process_time() - cpu, self._clock.take()
        return started - asked, collated - started, encode_s, embed_s - encode_s, cpu_s

    def _time_bare(self, batch: dict[str, Tensor]) -> tuple[float, float]:
        features = {name: batch[name] for name in ("input_ids", "attention_mask")}
        cpu = time.process_time()
        self._embedder.input_encoder(features)
        return self._clock.take(), time.process_time() - cpu

    def _collate(self, question: Question, vectors: NDArray[np.float16]) -> dict[str, Tensor]:
        return collate_inputs(self._tokenizer, self._card, [Example("", question.payload, vectors)])


def measure_path(world: World, settings: GatewaySettings, num_questions: int) -> dict[str, Any]:
    """Time a world's questions; returns the median of the ratios, and of each stage.

    Args:
        world: Whose store and questions.
        settings: The gateway's.
        num_questions: How many questions count.
    """
    model = world.bundle.load()
    card = model.card
    stores = TenantStores.open(
        settings.store,
        settings.tenants,
        card.encoder_fingerprint,
        card.encoder_dim,
        world.folder,
    )
    asked = list(islice(cycle(world.questions), NUM_WARM_UP + num_questions))

    async def time_all() -> list[PathSeconds]:
        timer, shown = PathTimer(model, stores), tqdm(asked, desc="persona path", unit=" questions")
        with torch.inference_mode():
            return [
                await timer.time(question, is_bare_first=number % 2 == 0)
                for number, question in enumerate(shown)
            ]

    with closing(stores):
        taken = asyncio.run(time_all())
    return summarize_path(taken[NUM_WARM_UP:])


def summarize_path(taken: Sequence[PathSeconds]) -> dict[str, Any]:
    """Return the medians of the ratios of path to bare forward, and of each stage in ms.

    What is judged is of the processor's seconds: neighbours on the machine slow whichever of the
    two they meet. That of the clock stands beside it.
    """
    stages = ("store", "collate", "encode", "aggregate", "bare")
    return {
        "persona_path_ratio": median(one.path_cpu / one.bare_cpu for one in taken),
        "persona_path_ratio_wall": median(one.path / one.bare for one in taken),
        "persona_path_ms": {
            stage: 1e3 * median(getattr(one, stage) for one in taken) for stage in stages
        },
        "persona_path_questions": len(taken),
    }
