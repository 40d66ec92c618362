"""How many times as many requests an engine answers a second when it computes them by batches."""

import asyncio
import statistics
import time
from collections.abc import Sequence

from components.serving.engines.config import EngineConfig
from components.serving.engines.engine import Engine, EngineRequest
from components.serving.engines.transformers_engine import TransformersEngine
from components.serving.persona_model import PersonaModel

WARM_UP_SHARE = 0.2
"""Of the seconds of a cell, before it."""


async def count_answers(
    engine: Engine, requests: Sequence[EngineRequest], num_clients: int, seconds: float
) -> float:
    """Return the answers a second to clients that each wait for one before they ask the next."""
    started = time.perf_counter()
    num_answers = 0

    async def ask(client: int) -> None:
        nonlocal num_answers
        place = client
        while time.perf_counter() < started + seconds:
            await engine.answer(requests[place % len(requests)])
            place += num_clients
            num_answers += 1

    await asyncio.gather(*map(ask, range(num_clients)))
    return num_answers / (time.perf_counter() - started)


async def measure_speedup(
    model: PersonaModel,
    requests: Sequence[EngineRequest],
    num_clients: int = 16,
    seconds: float = 5.0,
    num_rounds: int = 3,
) -> float:
    """Return the median over rounds of answers a second by batches over those one by one.

    Args:
        model: What answers; the two take turns, so that what else runs here slows both.
        requests: What clients ask, in turn.
        num_clients: How many ask at once.
        seconds: Length of each cell.
        num_rounds: How often each is measured.
    """
    ratios = []
    for _ in range(num_rounds):
        rates = []
        for max_batch_size in (1, num_clients):
            config = EngineConfig(max_batch_size=max_batch_size)
            engine = TransformersEngine(model, "measured", "1", config)
            await count_answers(engine, requests, num_clients, WARM_UP_SHARE * seconds)
            rates.append(await count_answers(engine, requests, num_clients, seconds))
            await engine.close()
        ratios.append(rates[1] / rates[0])
    return statistics.median(ratios)
