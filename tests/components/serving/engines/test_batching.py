"""Which requests are computed together, in what order, and what becomes of those who leave."""

import asyncio
import threading

import pytest

from components.serving.engines.batching import Batcher
from components.serving.engines.config import EngineConfig
from components.serving.engines.engine import EngineBusyError


class Worker:
    """Computes by echo; the first batch waits until it is let go."""

    def __init__(self):
        self.batches = []
        self.threads = set()
        self.may_go = threading.Event()

    def __call__(self, jobs):
        self.threads.add(threading.get_ident())
        self.may_go.wait(10)
        given = [job.given for job in jobs]
        self.batches.append(given)
        if "bad" in given:
            raise ArithmeticError("bad")
        return [f"{text}!" for text in given]


def run(waiting, config, leave=(), held="first"):
    """Submit one request, and while it is computed the others; returns worker, sizes, results."""
    worker, sizes = Worker(), []

    async def main():
        batcher = Batcher(worker, config, sizes.append)
        first = asyncio.create_task(batcher.submit(held, "a", 1))
        while not sizes:
            await asyncio.sleep(0.001)
        tasks = [asyncio.create_task(batcher.submit(*given)) for given in waiting]
        await asyncio.sleep(0.01)
        for place in leave:
            tasks[place].cancel()
        await asyncio.sleep(0)
        worker.may_go.set()
        results = await asyncio.gather(first, *tasks, return_exceptions=True)
        await batcher.close()
        with pytest.raises(EngineBusyError):
            await batcher.submit("late", "a", 1)
        return results

    return worker, sizes, asyncio.run(asyncio.wait_for(main(), 20))


def test_a_batch_is_the_oldest_and_what_is_nearest_to_it_in_length():
    waiting = [("x", "a", 9), ("y", "a", 50), ("z", "a", 8), ("w", "a", 11)]
    worker, sizes, results = run(waiting, EngineConfig(max_batch_size=3, window_ms=0))
    assert worker.batches == [["first"], ["x", "z", "w"], ["y"]]
    assert results == ["first!", "x!", "y!", "z!", "w!"]
    assert sizes == [1, 3, 1]
    assert len(worker.threads) == 1
    assert threading.get_ident() not in worker.threads


def test_kinds_are_not_mixed():
    waiting = [("x", "a", 5), ("y", "b", 5), ("z", "a", 5)]
    worker, _, _ = run(waiting, EngineConfig(window_ms=0))
    assert worker.batches == [["first"], ["x", "z"], ["y"]]


def test_padding_counts_against_the_tokens_of_a_batch():
    waiting = [("x", "a", 10), ("y", "a", 12), ("z", "a", 9)]
    worker, _, _ = run(waiting, EngineConfig(max_batch_tokens=24, window_ms=0))
    assert worker.batches == [["first"], ["x", "z"], ["y"]]  # 3 times 12 would be 36
    worker, _, _ = run(waiting, EngineConfig(max_batch_tokens=36, window_ms=0))
    assert worker.batches == [["first"], ["x", "z", "y"]]
    worker, _, _ = run([("x", "a", 99)], EngineConfig(max_batch_tokens=24, window_ms=0))
    assert worker.batches == [["first"], ["x"]]


def test_who_leaves_is_never_computed():
    waiting = [("x", "a", 5), ("y", "a", 5), ("z", "a", 5)]
    worker, sizes, results = run(waiting, EngineConfig(window_ms=0), leave=[0, 2])
    assert worker.batches == [["first"], ["y"]]
    assert isinstance(results[1], asyncio.CancelledError)
    assert results[2] == "y!"
    assert sizes == [1, 1]


def test_who_leaves_makes_room():
    config = EngineConfig(max_waiting=2, window_ms=0)
    waiting = [("x", "a", 5), ("y", "a", 5), ("z", "a", 5)]
    _, _, results = run(waiting, config)
    assert isinstance(results[3], EngineBusyError)

    worker = Worker()

    async def main():
        batcher = Batcher(worker, config, lambda _: None)
        tasks = [asyncio.create_task(batcher.submit("first", "a", 1))]
        while batcher._waiting or len(tasks) < 2:
            await asyncio.sleep(0.005)
            tasks.append(asyncio.create_task(batcher.submit("x", "a", 1)))
            if len(tasks) == 3:
                break
        tasks[1].cancel()
        await asyncio.sleep(0.005)
        late = asyncio.create_task(batcher.submit("late", "a", 1))
        await asyncio.sleep(0.005)
        worker.may_go.set()
        assert await late == "late!"
        await batcher.close()

    asyncio.run(asyncio.wait_for(main(), 20))


def test_a_failed_batch_fails_for_those_who_are_in_it():
    waiting = [("bad", "a", 5), ("x", "a", 5), ("y", "b", 5)]
    _, _, results = run(waiting, EngineConfig(window_ms=0))
    assert isinstance(results[1], ArithmeticError)
    assert isinstance(results[2], ArithmeticError)
    assert results[3] == "y!"


def test_a_free_model_waits_a_window_for_more():
    worker, sizes = Worker(), []
    worker.may_go.set()

    async def main():
        batcher = Batcher(worker, EngineConfig(window_ms=80), sizes.append)
        first = asyncio.create_task(batcher.submit("x", "a", 1))
        await asyncio.sleep(0.02)
        second = asyncio.create_task(batcher.submit("y", "a", 1))
        results = await asyncio.gather(first, second)
        await batcher.close()
        return results

    assert asyncio.run(asyncio.wait_for(main(), 20)) == ["x!", "y!"]
    assert sizes == [2]


def test_the_wait_is_told_by_the_pace():
    async def main():
        batcher = Batcher(Worker(), EngineConfig(), lambda _: None)
        assert batcher.estimate_wait() == 1
        batcher._pace, batcher._waiting = 0.5, [None] * 9
        assert batcher.estimate_wait() == 5

    asyncio.run(main())
