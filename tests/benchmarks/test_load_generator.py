"""Clients in turn and requests at a rate are counted, by status, against a server that we know."""

import asyncio
import json
import sys
from collections import Counter
from itertools import count

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks import load_generator
from benchmarks.load_generator import Asked, Target, generate, read_log, summarize
from tests.components.serving.gateway.conftest import run_server

BODIES = [b'{"a": 1}', b'{"a": 2}']


@pytest.fixture
def server():
    """Answers after 50 ms, every fourth request with 429; gives address and bodies that came."""
    numbers, bodies = count(1), []

    async def answer(request):
        number = next(numbers)
        bodies.append(await request.body())
        await asyncio.sleep(0.05)
        if number % 4 == 0:
            return JSONResponse({"error": {"code": "engine_busy"}}, 429)
        return JSONResponse({"model_version": "3", "persona_status": "full"})

    with run_server(Starlette(routes=[Route("/ask", answer, methods=["POST"])])) as url:
        yield f"{url}/ask", bodies


def test_clients_wait_for_their_answers(server):
    url, bodies = server
    asked = asyncio.run(generate(Target(url, "key", BODIES, 60, 12), 3, None))
    assert Counter(one.status for one in asked) == {200: 9, 429: 3}
    assert Counter(bodies) == {BODIES[0]: 6, BODIES[1]: 6}
    assert {(one.version, one.persona, one.code) for one in asked} == {
        ("3", "full", ""),
        ("", "", "engine_busy"),
    }
    assert all(one.ended - one.began >= 0.05 for one in asked)
    open_at_once = [sum(a.began <= b.began < a.ended for a in asked) for b in asked]
    assert max(open_at_once) == 3


def test_a_rate_does_not_wait_for_answers(server):
    url, _ = server
    asked = asyncio.run(generate(Target(url, "key", BODIES, 0.5, None), None, 40))
    assert len(asked) == 21  # at 0, 1/40, ... 20/40 s
    taken = asked[-1].began - asked[0].began
    assert taken == pytest.approx(0.5, abs=0.1)


def test_a_server_that_is_gone_is_a_failure():
    asked = asyncio.run(generate(Target("http://127.0.0.1:9/ask", "key", BODIES, 60, 2), 1, None))
    assert [(one.status, one.code) for one in asked] == [(0, "ConnectError")] * 2
    assert summarize(asked)["errors"] == 2


def test_figures_are_of_all_requests_and_times_of_those_that_were_answered():
    """Four requests within 2 s, two of them answered, after 1 and 2 s."""
    asked = [Asked(0, 1, 200), Asked(0, 2, 200), Asked(0, 0.1, 429), Asked(0.5, 0.6, 500)]
    found = summarize(asked)
    assert found["statuses"] == {"200": 2, "429": 1, "500": 1}
    assert (found["errors"], found["seconds"]) == (1, 2)
    assert (found["offered_per_second"], found["answered_per_second"]) == (2, 1)
    assert (found["p50_seconds"], found["p99_seconds"]) == (1.5, pytest.approx(1.99))


def test_either_clients_or_a_rate():
    with pytest.raises(ValueError, match="clients are None, rate is None"):
        asyncio.run(generate(Target("http://127.0.0.1:9/", "key", BODIES, 1, 1), None, None))
    with pytest.raises(ValueError, match="no bodies"):
        Target("http://127.0.0.1:9/", "key", [], 1, 1)


def test_the_command_counts_and_keeps_a_log(server, tmp_path, monkeypatch, capsys):
    (tmp_path / "bodies").write_bytes(b"\n".join(BODIES))
    given = {"--url": server[0], "--key": "key", "--bodies": tmp_path / "bodies"}
    given |= {"--clients": 2, "--requests": 4, "--log": tmp_path / "log"}
    words = [str(word) for pair in given.items() for word in pair]
    monkeypatch.setattr(sys, "argv", ["load_generator", *words])
    load_generator.main()
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["statuses"] == {"200": 3, "429": 1}
    assert [one.status for one in read_log(tmp_path / "log")].count(200) == 3
