"""The figure counts answers: an engine that takes a known time answers at a known rate."""

import asyncio

from benchmarks.batching_speedup import count_answers, measure_speedup
from components.serving.engines.engine import EngineRequest
from tests.components.serving.tiny_persona import PAYLOADS, invent_histories, make_model
from tests.components.tiny_models import write_sentence_encoder


class Sleeper:
    """Answers everything at once after 20 ms."""

    def __init__(self):
        self.asked = []

    async def answer(self, request):
        self.asked.append(request)
        await asyncio.sleep(0.02)


def test_answers_are_counted():
    engine = Sleeper()
    rate = asyncio.run(count_answers(engine, ["a", "b", "c"], 4, 0.3))
    assert 4 / 0.06 < rate <= 4 / 0.02
    assert engine.asked[:8] == ["a", "b", "c", "a", "b", "c", "a", "b"]


def test_batches_are_compared_with_one_by_one(tmp_path):
    encoder = write_sentence_encoder(tmp_path / "encoder")
    model = make_model(tmp_path / "it", encoder, "warm_start")
    requests = [
        EngineRequest(payload, "", vectors)
        for payload, vectors in zip(PAYLOADS, invent_histories(5), strict=True)
    ]
    assert asyncio.run(measure_speedup(model, requests, 16, 0.5, 1)) > 1
