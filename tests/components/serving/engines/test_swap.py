"""A new bundle takes over under load, no request is dropped; an unsound one never serves."""

import asyncio
import json
import shutil
from functools import partial

import pytest

from components.serving.bundle import ServingBundle, package_serving
from components.serving.engines.candidate import load_candidate
from components.serving.engines.config import EngineConfig
from components.serving.engines.engine import EngineBusyError, EngineRequest
from components.serving.engines.swap import SwappableEngine
from components.serving.persona_model import ServingRecipe
from components.user_embedder.embedder_folder import EmbedderFolder
from tests.components.serving.tiny_persona import (
    LABELLED,
    PAYLOADS,
    invent_histories,
    make_listening_llm,
    write_parts,
)
from tests.components.tiny_world import LLM

CONFIG = EngineConfig(window_ms=1)
LOAD = partial(load_candidate, config=CONFIG)


@pytest.fixture(scope="module")
def parts(encoder_folder, tmp_path_factory):
    llm = make_listening_llm("warm_start", encoder_folder)
    return write_parts(tmp_path_factory.mktemp("parts"), encoder_folder, llm, LABELLED, LLM)


@pytest.fixture(scope="module")
def bundles(parts, tmp_path_factory):
    """Two versions whose plug-ins differ in their scale, so much that answers do."""
    spec, plug_in, llm = parts
    folder = tmp_path_factory.mktemp("bundles")
    louder = shutil.copytree(plug_in.path, folder / "louder")
    card = plug_in.card()
    changed = card.model_copy(update={"scale": 4 * card.scale})
    (louder / "user_embedder.json").write_text(changed.model_dump_json())
    made = []
    for version, trained in enumerate([plug_in, EmbedderFolder.at(louder)], 1):
        (folder / str(version)).mkdir()
        spec = ServingRecipe(task=LABELLED, llm=LLM).specify(trained, llm)
        made.append(
            package_serving(spec, trained, llm, folder / str(version), "tiny", str(version))
        )
    return made


def make_requests():
    return [
        EngineRequest(payload, "", vectors)
        for payload in PAYLOADS
        for vectors in invent_histories(5)
    ]


def answer_by(bundle):
    model, requests = bundle.load(), make_requests()
    return model.answer([r.payload for r in requests], [r.vectors for r in requests])


def run(bundle, work, config=CONFIG):
    async def main():
        engine = await SwappableEngine.start(bundle, LOAD, config)
        try:
            return await work(engine)
        finally:
            await engine.close()

    return asyncio.run(asyncio.wait_for(main(), 120))


def test_no_request_is_dropped_while_a_new_version_takes_over(bundles):
    old, new = map(answer_by, bundles)
    assert old != new
    requests = make_requests()

    async def ask_on(engine, swapping, seen):
        while not swapping.done():
            for row, request in enumerate(requests):
                answer = (await engine.answer(request)).text
                pieces = [piece async for piece in engine.stream(request)]
                seen.append((row, answer, "".join(piece.text for piece in pieces)))

    async def work(engine):
        assert engine.model_version == "1"
        swapping = asyncio.create_task(engine.swap(bundles[1]))
        seen = []
        await asyncio.gather(*(ask_on(engine, swapping, seen) for _ in range(4)))
        assert await swapping is None
        assert engine.model_version == "2"
        assert (await engine.encode_items(["a book"])).shape == (1, engine.dim)
        after = [(await engine.answer(request)).text for request in requests]
        return seen, after

    seen, after = run(bundles[0], work)
    assert after == new
    assert len(seen) > len(requests)
    assert all({answer, streamed} <= {old[row], new[row]} for row, answer, streamed in seen)
    assert sum(answer == old[row] != new[row] for row, answer, _ in seen) > 0


def test_the_old_engine_ends_when_its_last_request_has(bundles):
    request = make_requests()[7]

    async def work(engine):
        old = engine._serving.engine
        pieces = engine.stream(request)
        first = await anext(pieces)  # one is still being read
        swapping = asyncio.create_task(engine.swap(bundles[1]))
        while engine.model_version == "1":
            await asyncio.sleep(0.01)
        await old.answer(request)  # not closed yet
        assert not swapping.done()
        assert [piece async for piece in pieces] == []
        assert await swapping is None
        with pytest.raises(EngineBusyError):
            await old.answer(request)
        return first.text

    assert run(bundles[0], work) == answer_by(bundles[0])[7]


def test_a_slow_reader_does_not_hold_the_old_engine_for_ever(bundles):
    async def work(engine):
        pieces = engine.stream(make_requests()[0])
        await anext(pieces)
        assert await engine.swap(bundles[1]) is None
        await pieces.aclose()

    run(bundles[0], work, CONFIG.model_copy(update={"drain_seconds": 0.05}))


def spoil(bundle, directory, change):
    """Copy a bundle and change its golden requests, as a bundle that answers otherwise has them."""
    copy = ServingBundle.at(shutil.copytree(bundle.path, directory / "spoilt"))
    path = copy.path / "golden.json"
    golden = json.loads(path.read_text())
    change(golden["requests"])
    path.write_text(json.dumps(golden))
    card = copy.card().model_copy(update={"files": copy.hash_files()})
    (copy.path / "bundle.json").write_text(card.model_dump_json())
    return copy


def refused(bundles, candidate):
    async def work(engine):
        asking = asyncio.gather(*map(engine.answer, make_requests()))
        fault = await engine.swap(candidate)
        assert engine.model_version == "1"
        assert [answer.text for answer in await asking] == answer_by(bundles[0])
        return fault

    return run(bundles[0], work)


def test_who_answers_otherwise_than_when_it_was_made_is_refused(bundles, tmp_path):
    candidate = spoil(bundles[1], tmp_path, lambda requests: requests[2].update(prediction="x"))
    assert "1 of 8 golden requests are answered otherwise" in refused(bundles, candidate)
    with pytest.raises(ValueError, match="spoilt: 1 of 8 golden requests are answered otherwise"):
        run(candidate, None)


def test_who_fails_at_its_golden_requests_is_refused(bundles, tmp_path):
    def lengthen(requests):
        requests[0]["request"]["payload"] = "too long " * 100

    fault = refused(bundles, spoil(bundles[1], tmp_path, lengthen))
    assert fault.startswith("its golden requests fail: PromptTooLongError")


def test_a_changed_bundle_is_refused(bundles, flip, tmp_path):
    copy = ServingBundle.at(shutil.copytree(bundles[1].path, tmp_path / "changed"))
    flip(copy.path / "plug_in" / "user_embedder.safetensors")
    fault = refused(bundles, copy)
    assert fault.startswith("ValueError: ")
    assert fault.endswith("changed since it was packaged: plug_in/user_embedder.safetensors")


def test_another_task_or_encoder_is_refused(bundles, parts, tmp_path):
    _, plug_in, llm = parts
    (tmp_path / "other").mkdir()
    renamed = LABELLED.model_copy(update={"name": "other"})
    spec = ServingRecipe(task=renamed, llm=LLM).specify(plug_in, llm)
    other = package_serving(spec, plug_in, llm, tmp_path / "other", "tiny", "3")
    assert refused(bundles, other) == "it answers task other, and LaMP_2 is served"


def test_vectors_of_another_encoder_are_refused(bundles, encoder_folder, tmp_path):
    reworded = LABELLED.model_copy(update={"history_template": "{tag}: {description}"})
    llm = make_listening_llm("warm_start", encoder_folder)
    parts = write_parts(tmp_path / "parts", encoder_folder, llm, reworded, LLM)
    (tmp_path / "bundle").mkdir()
    other = package_serving(*parts, tmp_path / "bundle", "tiny", "3")
    assert refused(bundles, other).startswith("it reads vectors of fingerprint ")
