"""What the platform reads, what the log keeps, and what happens when something fails."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from time import sleep

import pytest
from prometheus_client.parser import text_string_to_metric_families

from components.serving.engines.engine import (
    EngineBusyError,
    EngineDownError,
    EnginePiece,
    UnreadableInputError,
)
from tests.components.serving.gateway.conftest import (
    ACME,
    ITEMS,
    bearer,
    make_token,
    run_server,
)

TEXT = "a tale of time travel"


def read_metrics(gateway):
    text = gateway.client.get("/metrics").text
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_platform_needs_no_key(gateway):
    assert gateway.client.get("/healthz").json() == {"status": "ok"}
    ready = gateway.client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {
        "status": "ready",
        "store": "ok",
        "model": "persona-plug-LaMP_2",
        "model_version": "3",
    }
    assert gateway.client.get("/").status_code == 404  # no page unless it is wanted


def test_requests_stages_and_personas_are_counted(gateway):
    gateway.add("anna", ITEMS[:1])
    for user in ("anna", "berta", None):
        gateway.ask(TEXT, user=user)
    gateway.ask(" ")
    figures = read_metrics(gateway)
    chat = "/v1/chat/completions"
    assert figures["persona_plug_requests_total", chat, "200"] == 3
    assert figures["persona_plug_requests_total", chat, "422"] == 1
    assert figures["persona_plug_request_seconds_count", chat] == 4
    statuses = ("none", "prior", "partial")
    assert [figures["persona_plug_answers_total", status] for status in statuses] == [1, 1, 1]
    assert figures["persona_plug_stage_seconds_count", "store"] == 2
    assert figures["persona_plug_stage_seconds_count", "llm"] == 3
    assert not any("anna" in name for key in figures for name in key)


def test_the_api_is_described(gateway):
    described = gateway.client.get("/openapi.json").json()
    assert set(described["paths"]) >= {
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/models",
        "/v1/users/{user_id}/history",
        "/v1/users/{user_id}",
        "/v1/feedback",
        "/healthz",
    }
    schemas = described["components"]["schemas"]
    for name in ("ChatRequest", "CompletionRequest", "NewItem", "Feedback"):
        assert schemas[name]["examples"], name


@pytest.fixture
def everything_logged(caplog):
    """All loggers at DEBUG, but for those of the tests' own client."""
    loggers = [logging.getLogger(name) for name in ("", *logging.root.manager.loggerDict)]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    yield caplog
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


def test_nothing_of_a_user_is_logged(gateway, everything_logged):
    """Whatever goes well or wrong."""
    user, token, text = "user-of-the-log", make_token("user-of-the-log"), "a tale of a secret"
    item = {"text": text, "label": "romance", "id": "item-of-the-log"}
    assert gateway.add(user, [item], token).status_code == 201
    answer = gateway.ask(text, token, explain=True).json()
    assert answer["explanation"]["items"][0]["id"] == item["id"]
    vector = gateway.engine.answered[-1].vectors[0]
    gateway.ask(text, token, stream=True)
    gateway.add(user, [item], token)
    gateway.add(user, [{"text": text, "label": text}], token)
    gateway.ask(text, token, user=text)
    gateway.ask(text, f"{token}x")
    gateway.history(user, token)
    gateway.engine._answer = lambda request: int(request.prompt)  # an error that quotes its input
    assert gateway.ask(text, token).status_code == 500
    assert gateway.client.delete(f"/v1/users/{user}", headers=bearer(token)).status_code == 200
    logged = everything_logged.text
    assert "POST /v1/chat/completions 200" in logged
    assert "POST /v1/chat/completions 500" in logged
    assert "sqlalchemy" in logged
    numbers = [", ".join(map(str, vector[:2])), " ".join(map(str, vector[:2]))]
    for secret in (text, user, item["id"], token, ACME, *numbers):
        assert secret not in logged


def test_a_failure_says_where_but_not_what(gateway, caplog):
    gateway.engine._answer = lambda request: int(request.prompt)
    failed = gateway.ask(TEXT)
    assert (failed.status_code, failed.json()["error"]["code"]) == (500, "internal_error")
    assert TEXT not in failed.text
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage().startswith("ValueError at test_operations.py:")
    assert TEXT not in caplog.text
    streamed = gateway.ask(TEXT, stream=True)
    assert streamed.status_code == 500


@pytest.mark.parametrize(
    ("error", "status", "code", "retry_after"),
    [
        (EngineBusyError(7), 429, "engine_busy", "7"),
        (EngineDownError("no route"), 503, "engine_down", "5"),
    ],
)
def test_an_engine_that_can_not_answer_says_when_to_come_again(
    gateway, error, status, code, retry_after, caplog
):
    async def answer(request):
        raise error

    gateway.engine.answer = answer
    for streams in (False, True):
        refused = gateway.ask(TEXT, stream=streams)
        assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
        assert refused.headers["retry-after"] == retry_after
    is_down = status == 503
    errors = read_metrics(gateway).get(("persona_plug_errors_total", "engine"), 0)
    assert errors == 2 * is_down
    assert ("the LLM can't be reached: no route" in caplog.text) == is_down


def test_an_input_that_the_llms_server_keeps_to_itself_is_refused(gateway):
    async def answer(request):
        raise UnreadableInputError("the input holds a placeholder")

    gateway.engine.answer = answer
    refused = gateway.ask(TEXT)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "unreadable_input")


def test_an_engine_can_tell_owners_apart_and_does_not_know_them(gateway):
    anna, globex = make_token("anna"), make_token("anna", "globex")
    for key, user in ((ACME, "anna"), (anna, None), (ACME, "berta"), (globex, None), (ACME, None)):
        gateway.ask(TEXT, key, user=user)
    one, same, other, elsewhere, nobody = [request.owner for request in gateway.engine.answered]
    assert one == same
    assert len({one, other, elsewhere}) == 3
    assert nobody is None
    assert "anna" not in one


def test_a_stream_that_breaks_off_says_so(gateway):
    async def stream(request):
        yield EnginePiece("a", "3")
        raise ValueError(request.prompt)

    gateway.engine.stream = stream
    streamed = gateway.ask(TEXT, stream=True)
    assert streamed.status_code == 200
    assert '"content":"a"' in streamed.text
    assert '"code": "internal_error"' in streamed.text
    assert "[DONE]" not in streamed.text
    assert TEXT not in streamed.text


@pytest.mark.parametrize("stream", [False, True])
def test_who_leaves_takes_the_request_back(open_gateway, stream):
    with open_gateway(delay_seconds=5.0) as gateway, run_server(gateway.client.app) as address:
        host, port = address.removeprefix("http://").split(":")
        connection = HTTPConnection(host, int(port))
        flag = "true" if stream else "false"
        body = f'{{"model": "persona-plug-LaMP_2", "prompt": "a", "stream": {flag}}}'
        headers = {**bearer(ACME), "Content-Type": "application/json"}
        connection.request("POST", "/v1/completions", body, headers)
        sleep(0.3)
        connection.close()
        for _ in range(200):
            if gateway.engine.cancelled:
                break
            sleep(0.01)
        assert gateway.engine.cancelled == 1


def test_who_leaves_a_stream_ends_it(gateway):
    told = []

    async def stream(_):
        try:
            for number in range(1000):
                yield EnginePiece(str(number), "3")
                told.append(number)
                await asyncio.sleep(0.01)
        finally:
            told.append("ended")

    gateway.engine.stream = stream
    with run_server(gateway.client.app) as address:
        host, port = address.removeprefix("http://").split(":")
        connection = HTTPConnection(host, int(port))
        body = '{"model": "persona-plug-LaMP_2", "prompt": "a", "stream": true}'
        headers = {**bearer(ACME), "Content-Type": "application/json"}
        connection.request("POST", "/v1/completions", body, headers)
        answer = connection.getresponse()
        assert b'"text":"0"' in answer.readline()
        answer.close()
        connection.close()
        for _ in range(200):
            if "ended" in told:
                break
            sleep(0.01)
    assert told[-1] == "ended"
    assert len(told) < 500


def test_many_ask_at_once(gateway):
    gateway.add("anna", ITEMS)
    users = ["anna", "berta"] * 8
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda user: gateway.ask(TEXT, user=user).json(), users))
    statuses = [answer["persona_status"] for answer in answers]
    assert statuses == ["full", "prior"] * 8
    assert len({answer["id"] for answer in answers}) == 16
