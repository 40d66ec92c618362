"""The engine in this process answers as the model does, whatever the batch; exact weights."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
import torch

from components.serving.engines.config import EngineConfig
from components.serving.engines.engine import EngineBusyError, EngineRequest, PromptTooLongError
from components.serving.engines.transformers_engine import TransformersEngine
from components.user_embedder.collator import Example
from components.user_embedder.persona_llm import PersonaLLM
from tests.components.serving.tiny_persona import (
    FREE,
    LABELLED,
    PAYLOADS,
    invent_histories,
    make_model,
)

KINDS = ("t5", "warm_start", "llama", "chat")
WIDE = EngineConfig(window_ms=30)


def make(encoder_folder, tmp_path_factory, kind, task):
    return make_model(tmp_path_factory.mktemp("model") / "it", encoder_folder, kind, task)


@pytest.fixture(scope="module", params=KINDS)
def labelled(request, encoder_folder, tmp_path_factory):
    return make(encoder_folder, tmp_path_factory, request.param, LABELLED)


@pytest.fixture(scope="module", params=KINDS)
def free(request, encoder_folder, tmp_path_factory):
    return make(encoder_folder, tmp_path_factory, request.param, FREE)


@pytest.fixture(scope="module", params=[(k, t) for k in KINDS for t in (LABELLED, FREE)])
def model(request, encoder_folder, tmp_path_factory):
    return make(encoder_folder, tmp_path_factory, *request.param)


@pytest.fixture(scope="module")
def llama(encoder_folder, tmp_path_factory):
    return make(encoder_folder, tmp_path_factory, "llama", FREE)


def make_requests(model, **changes):
    """Return ten requests: five inputs, then the first of them for five users."""
    payloads = PAYLOADS + 5 * PAYLOADS[:1]
    return [
        EngineRequest(payload, model.spec.task.render_prompt(payload), history, **changes)
        for payload, history in zip(payloads, 2 * invent_histories(5), strict=True)
    ]


def ask(model, work, config=WIDE):
    """Run `work(engine)` on a loop; returns its result and the batches' sizes."""
    sizes = []

    async def run():
        engine = TransformersEngine(model, "tiny", "3", config, sizes.append)
        try:
            return await asyncio.wait_for(work(engine), 60)
        finally:
            await engine.close()

    return asyncio.run(run()), sizes


def answer_all(requests):
    async def work(engine):
        return await asyncio.gather(*map(engine.answer, requests))

    return work


def test_answers_are_the_models_whatever_the_batch(model):
    requests = make_requests(model)
    expected = model.answer(
        [r.payload for r in requests],
        [r.vectors for r in requests],
        [r.prompt for r in requests],
    )
    together, sizes = ask(model, answer_all(requests))
    assert [a.text for a in together] == expected
    assert sizes == [10]
    alone, sizes = ask(model, answer_all(requests), EngineConfig(max_batch_size=1))
    assert [a.text for a in alone] == expected
    assert sizes == [1] * 10
    assert len(set(expected)) > 1


def test_without_vectors_the_llm_answers_alone(model):
    requests = [replace(r, vectors=None) for r in make_requests(model, explain=True)]
    examples = [
        Example(
            model.spec.choose_text(r.payload, r.prompt),
            r.payload,
            np.zeros((0, model.card.encoder_dim)),
        )
        for r in requests
    ]
    base = dict(PersonaLLM(model.llm, None).answer(examples, model.collate, model.rule))
    answers, _ = ask(model, answer_all(requests))
    assert [a.text for a in answers] == [base[row] for row in range(len(base))]
    assert [a.item_weights for a in answers] == [None] * 10
    personal, sizes = ask(model, answer_all(requests + make_requests(model)))
    assert sizes == [10, 10]  # never in one batch: the places of the soft prompt may differ
    assert [a.text for a in personal[:10]] == [a.text for a in answers]


def test_weights_are_the_attentions_own(llama):
    requests = make_requests(llama, explain=True)
    plain = [replace(r, explain=False) for r in requests[:5]]
    answers, _ = ask(llama, answer_all([*requests, *plain]))
    for request, answer in zip(requests, answers, strict=False):
        batch = llama.collate([Example("x", request.payload, request.vectors)])
        persona = llama.persona_llm.embedder.embed_user(batch)
        given = torch.tensor(answer.item_weights)
        torch.testing.assert_close(given, persona.weights_BH[0], atol=1e-6, rtol=0)
        torch.testing.assert_close(1 - given.sum(), persona.null_weight_B[0], atol=1e-6, rtol=0)
    assert [a.item_weights for a in answers[10:]] == [None] * 5


def test_items_that_are_too_old_weigh_nothing(llama):
    [*_, six] = invent_histories(7)
    request = EngineRequest("book", "book", six, explain=True)
    cut = replace(request, vectors=six[-4:])
    (whole, newest), _ = ask(llama, answer_all([request, cut]))
    assert whole.item_weights[:2] == (0.0, 0.0)
    assert whole.item_weights[2:] == pytest.approx(newest.item_weights, abs=1e-6)
    assert whole.text == newest.text


def test_likelihoods_are_those_of_the_llms_own_forward(model):
    wanted = make_requests(model, likelihood=True)
    requests = [wanted[3], replace(wanted[4], likelihood=False), replace(wanted[5], vectors=None)]
    answers, _ = ask(model, answer_all([*requests, *wanted]))
    assert answers[1].likelihood is None
    assert answers[2].likelihood is None
    assert answers[0].likelihood.with_persona == pytest.approx(
        answers[6].likelihood.with_persona, rel=1e-5
    )
    for request, answer in zip(wanted, answers[3:], strict=True):
        text = model.spec.choose_text(request.payload, request.prompt)
        batch = model.collate([Example(text, request.payload, request.vectors, answer.text)])
        num_tokens = int((batch["labels"] != -100).sum())
        for persona_llm, given in (
            (model.persona_llm, answer.likelihood.with_persona),
            (PersonaLLM(model.llm, None), answer.likelihood.without_persona),
        ):
            with torch.inference_mode():
                loss = persona_llm.eval()(**batch)["loss"]
            assert given == pytest.approx(-float(loss) * num_tokens, rel=1e-5)
    assert any(
        abs(a.likelihood.with_persona - a.likelihood.without_persona) > 1e-3 for a in answers[3:]
    )
    assert all("likelihood" in a.seconds for a in answers[3:])


def test_tokens_and_seconds_are_counted(llama):
    request = make_requests(llama)[2]
    (first, alone), _ = ask(llama, answer_all([request, replace(request, vectors=None)]))
    letters = len(request.payload)  # its tokenizer reads bytes, and LLMConfig.reads is the payload
    assert first.prompt_tokens == 1 + 2 + letters  # <s>, I and P
    assert alone.prompt_tokens == 1 + letters
    assert 1 <= first.completion_tokens <= 8
    assert set(first.seconds) == {"queue", "encode_input", "aggregate", "llm"}
    assert all(seconds > 0 for seconds in first.seconds.values())
    assert alone.seconds["encode_input"] == 0


def test_an_answer_is_as_long_as_asked_for(llama):
    request = make_requests(llama)[1]
    limits = [1, 3, None, 99]
    answers, sizes = ask(
        llama,
        answer_all([replace(request, max_new_tokens=limit) for limit in limits]),
        EngineConfig(window_ms=30, max_new_tokens=12),
    )
    counts = [a.completion_tokens for a in answers]
    assert counts == sorted(counts)
    assert counts[0] == 1
    assert counts[1] <= 3
    assert counts[2] <= 8
    assert counts[3] <= 12
    limits = [1, 3, 8, 12]
    cut = [count == limit for count, limit in zip(counts, limits, strict=True)]
    assert [a.is_cut for a in answers] == cut
    assert cut[0]
    assert sizes == [1] * 4


def test_a_limit_keeps_no_labels_out_of_a_batch(labelled):
    request = make_requests(labelled)[1]
    answers, sizes = ask(
        labelled, answer_all([replace(request, max_new_tokens=limit) for limit in (1, 3, None)])
    )
    assert sizes == [3]
    assert len({(a.text, a.is_cut) for a in answers}) == 1


def stream(request):
    async def work(engine):
        pieces = engine.stream(request)
        first = await asyncio.ensure_future(anext(pieces))  # as a gateway waits for it
        told = [first, *[piece async for piece in pieces]]
        answer = await engine.answer(request)
        assert [piece.answer for piece in told[:-1]] == [None] * (len(told) - 1)
        assert told[-1].answer == replace(answer, seconds=told[-1].answer.seconds)
        return [piece.text for piece in told], answer

    return work


def test_a_streamed_answer_is_the_answer(free):
    for request in make_requests(free):
        (pieces, answer), _ = ask(free, stream(request))
        assert "".join(pieces) == answer.text


def test_words_are_streamed_as_they_come(encoder_folder, tmp_path):
    model = make_model(tmp_path / "it", encoder_folder, "llama", FREE)
    ids = model.llm.tokenizer("one two three four", add_special_tokens=False)["input_ids"]
    say(model.llm, ids)
    request = make_requests(model, max_new_tokens=len(ids))[0]
    (pieces, answer), _ = ask(model, stream(request))
    assert answer.text == "one two three four"
    assert pieces == ["one", " two", " three", " four"]
    beams = replace(model.rule, num_beams=2)
    model.rule = beams
    (pieces, _), _ = ask(model, stream(request))
    assert len(pieces) == 1


def say(llm, ids):
    """Make a causal LLM say these tokens, whatever it reads."""
    said = []

    def force(_, __, given, output):
        if given.get("inputs_embeds") is not None:
            said.clear()
        output.logits[:, -1] = -100.0
        output.logits[:, -1, ids[len(said)] if len(said) < len(ids) else 1] = 100.0
        said.append(1)
        return output

    llm.model.register_forward_hook(force, with_kwargs=True)


def test_labels_are_streamed_in_one_piece(labelled):
    (pieces, answer), _ = ask(labelled, stream(make_requests(labelled)[3]))
    assert pieces == [answer.text]
    assert answer.text in LABELLED.labels


def test_a_prompt_beyond_the_limit_is_refused(llama):
    request = EngineRequest("a" * 96, "", None)  # 96 tokens with <s>
    with pytest.raises(PromptTooLongError) as caught:
        ask(llama, answer_all([request]))
    assert (caught.value.limit, caught.value.given) == (95, 96)
    fits = replace(request, payload="a" * 95)
    [answer], _ = ask(llama, answer_all([fits]))
    assert answer.prompt_tokens == 96


def test_vectors_of_another_width_are_refused(llama):
    request = EngineRequest("a", "a", np.zeros((2, 5), np.float16))
    with pytest.raises(ValueError, match=r"shape \(2, 5\); they must be \[H, 16\]"):
        ask(llama, answer_all([request]))


def test_who_comes_to_a_full_queue_is_told_when_to_come_again(llama):
    requests = make_requests(llama)[:5] * 3

    async def work(engine):
        return await asyncio.gather(*map(engine.answer, requests), return_exceptions=True)

    answers, _ = ask(llama, work, EngineConfig(max_waiting=4, max_batch_size=2))
    busy = [a for a in answers if isinstance(a, EngineBusyError)]
    assert len(busy) == 11
    assert all(err.retry_after_s >= 1 for err in busy)


def test_who_leaves_stops_his_generation(encoder_folder, tmp_path):
    model = make_model(tmp_path / "it", encoder_folder, "llama", FREE)
    steps = []
    model.llm.model.register_forward_hook(lambda *_: steps.append(1))
    say(model.llm, [20] * 10_000)
    request = make_requests(model, max_new_tokens=10_000)[0]

    async def work(engine):
        pieces = engine.stream(replace(request))
        asking = asyncio.ensure_future(anext(pieces))
        while not steps:
            await asyncio.sleep(0.01)
        asking.cancel()

    ask(model, work, EngineConfig(max_new_tokens=10_000))
    assert 1 <= len(steps) < 9_000


def test_history_items_are_encoded_as_the_model_does(llama):
    texts = ["a tale of time travel", "book"]

    async def work(engine):
        return await engine.encode_items(texts), await engine.encode_items([])

    (vectors, none), _ = ask(llama, work)
    np.testing.assert_array_equal(vectors, llama.encode_rendered(texts))
    assert (vectors.dtype, none.shape) == (np.float16, (0, 16))


def test_no_text_or_vector_is_shown(llama):
    request = make_requests(llama)[1]
    [answer], _ = ask(llama, answer_all([replace(request, explain=True)]))
    for shown in (repr(request), repr(answer)):
        assert request.payload not in shown
        assert "weights" not in shown
        assert "vectors" not in shown
