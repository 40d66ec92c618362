"""A remote LLM answers as the one in this process; against a server that reads as vLLM's source."""

import asyncio
import base64
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from components.llm.config import LLMConfig
from components.serving.bundle import package_serving
from components.serving.engines.check_vllm import check_server, find_template
from components.serving.engines.config import EngineConfig
from components.serving.engines.engine import (
    EngineBusyError,
    EngineRequest,
    NotOfferedError,
    PromptTooLongError,
    UnreadableInputError,
)
from components.serving.engines.swap import SwappableEngine
from components.serving.engines.transformers_engine import TransformersEngine
from components.serving.engines.vllm_client import ServerError, VLLMConfig
from components.serving.engines.vllm_engine import VLLMEngine, load_vllm_candidate
from components.tasks.lamp import LAMP_3
from tests.components.serving.engines.tiny_vllm import TinyVLLM
from tests.components.serving.tiny_persona import (
    FREE,
    LABELLED,
    PAYLOADS,
    invent_histories,
    make_listening_llm,
    write_parts,
)

ROOT = Path(__file__).parents[4]
CONFIG = EngineConfig(window_ms=20)


def make_bundle(directory, encoder_folder, kind, task=FREE, **changes):
    llm = make_listening_llm(kind, encoder_folder)
    chat = {"use_chat_template": True, "chat_options": llm.chat_options} if kind == "chat" else {}
    config = LLMConfig(name="tiny", max_input_length=96, max_new_tokens=8, **chat | changes)
    parts = write_parts(directory / "parts", encoder_folder, llm, task, config)
    (directory / "bundle").mkdir()
    return package_serving(*parts, directory / "bundle", "tiny", "1"), llm


@pytest.fixture(scope="module", params=["llama", "qwen", "chat"])
def pair(request, encoder_folder, tmp_path_factory):
    """A bundle, and a server of its LLM."""
    bundle, llm = make_bundle(tmp_path_factory.mktemp("vllm"), encoder_folder, request.param)
    return bundle, TinyVLLM(llm, find_template(bundle))


@pytest.fixture(scope="module")
def llama(encoder_folder, tmp_path_factory):
    bundle, llm = make_bundle(tmp_path_factory.mktemp("vllm"), encoder_folder, "llama")
    return bundle, TinyVLLM(llm, find_template(bundle))


def make_requests(**changes):
    payloads = PAYLOADS + 5 * PAYLOADS[:1]
    return [
        EngineRequest(payload, f"Write on: {payload}", history, **changes)
        for payload, history in zip(payloads, 2 * invent_histories(5), strict=True)
    ]


def ask(bundle, server, work, config=CONFIG, **changes):
    async def run(url):
        given = VLLMConfig(**{"url": url, "model": "tiny", "api_key": "secret"} | changes)
        engine = VLLMEngine(bundle, given, config)
        try:
            return await asyncio.wait_for(work(engine), 60)
        finally:
            await engine.close()

    with server.serve() as url:
        return asyncio.run(run(url))


def answer_all(requests):
    async def work(engine):
        return await asyncio.gather(*map(engine.answer, requests))

    return work


def answer_here(bundle, requests):
    async def run():
        engine = TransformersEngine(bundle.load(), "tiny", "1", CONFIG)
        try:
            return await asyncio.gather(*map(engine.answer, requests))
        finally:
            await engine.close()

    return asyncio.run(run())


def test_it_answers_as_the_engine_in_this_process(pair):
    bundle, server = pair
    requests = make_requests(explain=True)
    requests += [replace(request, vectors=None) for request in requests[:5]]
    here = answer_here(bundle, requests)
    there = ask(bundle, server, answer_all(requests))
    assert [a.text for a in there] == [a.text for a in here]
    assert len({a.text for a in here}) > 5
    for one, other in zip(here, there, strict=True):
        assert one.completion_tokens == other.completion_tokens
        assert set(one.seconds) == set(other.seconds)
        if one.item_weights is None:
            assert other.item_weights is None
        else:
            np.testing.assert_allclose(other.item_weights, one.item_weights, atol=1e-6)


def test_only_i_and_p_and_the_text_leave(llama):
    bundle, server = llama
    requests = [replace(r, owner="a" * 64) for r in make_requests()[2:4]]
    requests += [replace(requests[0], owner=None)] * 2
    server.bodies.clear()
    ask(bundle, server, answer_all(requests))
    salts = [body["cache_salt"] for body in server.bodies]
    assert salts.count("a" * 64) == 2
    assert len(set(salts)) == 3  # of nobody: never the same twice
    for body in server.bodies:
        assert (body["temperature"], body["repetition_penalty"]) == (0, 1.0)
        soft, text = body["messages"][0]["content"]
        assert set(soft) == {"type", "data"}
        assert text["text"] in PAYLOADS
        data = base64.b64decode(soft["data"])
        assert torch.load(io.BytesIO(data), weights_only=True).shape == (2, 16)
        assert len(data) < 2 * 16 * 4 + 2000  # no storage of the rest of the batch
    assert {headers["authorization"] for headers in server.headers} == {"Bearer secret"}


def test_an_answer_is_streamed(pair):
    bundle, server = pair
    for request in make_requests()[:3]:

        async def work(engine, request=request):
            pieces = engine.stream(request)
            first = await asyncio.ensure_future(anext(pieces))  # as a gateway waits for it
            return [first, *[piece async for piece in pieces]]

        pieces = ask(bundle, server, work)
        [answer] = ask(bundle, server, answer_all([request]))
        assert "".join(piece.text for piece in pieces) == answer.text
        assert pieces[-1].answer == replace(answer, seconds=pieces[-1].answer.seconds)
        assert [piece.answer for piece in pieces[:-1]] == [None] * (len(pieces) - 1)


def test_labels_are_generated_under_constraint(encoder_folder, tmp_path):
    bundle, llm = make_bundle(tmp_path, encoder_folder, "llama", LABELLED)
    server = TinyVLLM(llm, find_template(bundle))
    answers = ask(bundle, server, answer_all(make_requests()))
    assert {a.text for a in answers} <= set(LABELLED.labels)
    longest = max(len(label) for label in LABELLED.labels) + 1  # bytes, and the end
    assert {body["max_tokens"] for body in server.bodies} == {longest}


@pytest.mark.parametrize(
    ("kind", "task", "changes", "what"),
    [
        ("t5", FREE, {}, "reads with an encoder"),
        ("llama", LAMP_3, {}, "llm.ordinal_answer must be 'mode'"),
        ("llama", FREE, {"num_beams": 2}, "llm.num_beams must be 1"),
    ],
)
def test_what_vllm_cannot_answer_is_refused(kind, task, changes, what, encoder_folder, tmp_path):
    bundle, _ = make_bundle(tmp_path, encoder_folder, kind, task, **changes)
    with pytest.raises(ValueError, match=what):
        VLLMEngine(bundle, VLLMConfig(url="http://localhost:1", model="tiny"))


def test_inputs_that_cannot_be_read_are_refused(llama):
    bundle, server = llama
    with pytest.raises(PromptTooLongError) as caught:
        ask(bundle, server, answer_all([EngineRequest("a" * 96, "", None)]))
    assert (caught.value.limit, caught.value.given) == (95, 96)
    with pytest.raises(UnreadableInputError, match="'<prompt_embeds>', which vLLM keeps to itself"):
        ask(bundle, server, answer_all([EngineRequest("a <prompt_embeds>", "", None)]))
    with pytest.raises(NotOfferedError, match="no likelihoods"):
        ask(bundle, server, answer_all([EngineRequest("a", "", None, likelihood=True)]))


@pytest.mark.parametrize("work", [answer_all, "stream"])
def test_a_servers_refusals_are_told(llama, work):
    bundle, server = llama
    request = make_requests()[0]
    if work == "stream":

        async def asking(engine):
            return [piece async for piece in engine.stream(request)]
    else:
        asking = answer_all([request])
    try:
        server.fail = (429, {"retry-after": "7"})
        with pytest.raises(EngineBusyError) as caught:
            ask(bundle, server, asking)
        assert caught.value.retry_after_s == 7
        server.fail = (400, {})
        with pytest.raises(ServerError, match=r"the server answers 400$"):
            ask(bundle, server, asking)
    finally:
        server.fail = None
    with pytest.raises(ServerError, match=r"ConnectError$"):
        ask(bundle, server, asking, url="http://127.0.0.1:9")


def test_too_many_at_once_are_told_to_come_again(llama):
    bundle, server = llama

    async def work(engine):
        asking = map(engine.answer, make_requests())
        return await asyncio.gather(*asking, return_exceptions=True)

    answers = ask(bundle, server, work, EngineConfig(max_waiting=4))
    assert sum(isinstance(a, EngineBusyError) for a in answers) == 6


def test_it_serves_behind_a_swap(llama):
    bundle, server = llama
    texts = ["a tale of time travel", "book"]

    async def run(url):
        load = partial(load_vllm_candidate, server=VLLMConfig(url=url, model="tiny"), config=CONFIG)
        engine = await SwappableEngine.start(bundle, load, CONFIG)
        try:
            return await engine.encode_items(texts), await engine.answer(make_requests()[3])
        finally:
            await engine.close()

    with server.serve() as url:
        vectors, answer = asyncio.run(asyncio.wait_for(run(url), 60))
    np.testing.assert_array_equal(vectors, bundle.load().encode_rendered(texts))
    [here] = answer_here(bundle, make_requests()[3:4])
    assert answer.text == here.text


def test_the_check_tells_a_server_that_reads_otherwise(pair):
    bundle, server = pair
    with server.serve() as url:
        check = asyncio.run(check_server(bundle, VLLMConfig(url=url, model="tiny"), CONFIG))
    assert check.model_dump() == {
        "vllm_version": "0.33.0",
        "questions": 8,
        "same_with_persona": 1.0,
        "same_without_persona": 1.0,
    }
    server.template, template = "\n" + server.template, server.template
    try:
        with server.serve() as url:
            check = asyncio.run(check_server(bundle, VLLMConfig(url=url, model="tiny"), CONFIG))
    finally:
        server.template = template
    assert check.same_with_persona < 1


def test_the_command_writes_the_template_and_checks(llama, tmp_path):
    bundle, server = llama
    command = [sys.executable, "-m", "components.serving.engines.check_vllm"]
    command += ["--bundle", str(bundle.path), "--write-template", str(tmp_path / "it.jinja")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with server.serve() as url:
        done = subprocess.run(
            [*command, "--url", url, "--model", "tiny"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["same_with_persona"] == 1.0
    assert (tmp_path / "it.jinja").read_text() == server.template
