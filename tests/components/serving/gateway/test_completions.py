"""OpenAI's own client asks the gateway over a socket."""

import openai as openai_package
import pytest

from tests.components.serving.gateway.conftest import ITEMS
from tests.components.tiny_world import TASK

MODEL = "persona-plug-LaMP_2"
TEXT = "a tale of time travel"


def ask(client, text=TEXT, **given):
    messages = [{"role": "user", "content": text}]
    return client.chat.completions.create(model=MODEL, messages=messages, **given)


def test_a_chat_is_answered_as_the_model_does(gateway, openai):
    gateway.add("anna", ITEMS[:3])
    answer = ask(openai, user="anna")
    vectors = gateway.engine.model.encode_items(
        [{"description": item["text"], "tag": item["label"]} for item in ITEMS[:3]]
    )
    assert [answer.choices[0].message.content] == gateway.engine.model.answer([TEXT], [vectors])
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.object == "chat.completion"
    assert answer.id.startswith("chatcmpl-")
    assert answer.model == MODEL
    assert (answer.model_version, answer.persona_status) == ("3", "partial")
    prompt = TASK.render_prompt(TEXT)
    assert gateway.engine.answered[-1].prompt == prompt
    usage = answer.usage
    assert usage.prompt_tokens == len(prompt)
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_a_stream_says_the_same_in_pieces(gateway, openai):
    gateway.add("anna", ITEMS)
    texts = [item["text"] for item in ITEMS]
    answers = [ask(openai, text, user="anna") for text in texts]
    for text, answer in zip(texts, answers, strict=True):
        chunks = list(ask(openai, text, user="anna", stream=True))
        said = [chunk.choices[0].delta.content for chunk in chunks]
        assert said[-1] is None
        assert "".join(said[:-1]) == answer.choices[0].message.content
        assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * (
            len(chunks) - 1
        )
        assert chunks[-1].choices[0].finish_reason == "stop"
        assert {chunk.id for chunk in chunks} == {chunks[0].id}
        assert {chunk.persona_status for chunk in chunks} == {"full"}
        assert chunks[0].usage is None


def test_a_stream_counts_tokens_on_demand(openai):
    usage = ask(openai).usage
    chunks = list(ask(openai, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == []
    assert chunks[-1].usage == usage


def test_an_answer_that_is_cut_says_so(openai):
    text = ask(openai).choices[0].message.content
    for limit, reason in ((len(text) - 1, "length"), (len(text), "stop")):
        assert ask(openai, max_tokens=limit).choices[0].finish_reason == reason
        *_, last = ask(openai, max_tokens=limit, stream=True)
        assert last.choices[0].finish_reason == reason


def test_a_completion_and_its_stream(gateway, openai):
    gateway.add("anna", ITEMS[:2])
    answer = openai.completions.create(model=MODEL, prompt=TEXT, user="anna")
    assert answer.object == "text_completion"
    assert answer.id.startswith("cmpl-")
    assert answer.choices[0].text == ask(openai, user="anna").choices[0].message.content
    chunks = list(openai.completions.create(model=MODEL, prompt=TEXT, user="anna", stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == answer.choices[0].text
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_models(openai):
    [model] = openai.models.list()
    assert (model.id, model.object, model.version) == (MODEL, "model", "3")
    assert openai.models.retrieve(MODEL) == model
    with pytest.raises(openai_package.NotFoundError, match="the model served here is"):
        openai.models.retrieve("gpt-4o")
    with pytest.raises(openai_package.NotFoundError):
        openai.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "a"}])


def test_errors_are_those_of_openai(openai, served):
    with pytest.raises(openai_package.UnprocessableEntityError) as caught:
        ask(openai, "  ")
    assert (caught.value.code, caught.value.param) == ("empty_input", "messages")
    stranger = openai_package.OpenAI(base_url=f"{served}/v1", api_key="unknown", max_retries=0)
    with stranger, pytest.raises(openai_package.AuthenticationError) as caught:
        ask(stranger)
    assert caught.value.type == "authentication_error"


def test_the_persona_is_on_off_or_auto(gateway, openai):
    gateway.add("anna", ITEMS)
    statuses = {}
    for mode in ("on", "off", "auto"):
        answer = ask(openai, user="anna", extra_body={"persona": mode})
        statuses[mode] = answer.persona_status
        assert (gateway.engine.answered[-1].vectors is None) is (mode == "off")
    assert statuses == {"on": "full", "off": "none", "auto": "full"}
    assert ask(openai).persona_status == "none"
    with pytest.raises(openai_package.UnprocessableEntityError, match="no user"):
        ask(openai, extra_body={"persona": "on"})
    with pytest.raises(openai_package.UnprocessableEntityError):
        ask(openai, extra_body={"persona": "perhaps"})
    with pytest.raises(openai_package.UnprocessableEntityError):
        ask(openai, extra_body={"personna": "off"})


def test_a_persona_counts_by_its_items(gateway, openai):
    seen = [ask(openai, user="anna").persona_status]
    for item in ITEMS:
        gateway.add("anna", [item])
        seen.append(ask(openai, user="anna").persona_status)
    assert seen == ["prior", "partial", "partial", "partial", "full", "full"]


def test_an_answer_is_explained(gateway, openai):
    ids = gateway.add("anna", ITEMS).json()["ids"]
    answer = ask(openai, user="anna", extra_body={"explain": True})
    why = answer.explanation
    assert [item["id"] for item in why["items"]] == ids
    weights = [item["weight"] for item in why["items"]]
    assert weights[0] == 0  # the embedder reads the newest four
    assert min(weights[1:]) > 0
    assert sum(weights) + why["null_weight"] == pytest.approx(1)
    assert ask(openai, user="anna").explanation is None
    assert ask(openai, extra_body={"explain": True}).explanation is None
    alone = ask(openai, user="nobody yet", extra_body={"explain": True})
    assert alone.explanation == {"items": [], "null_weight": 1, "likelihood": None}
    weighed = ask(openai, user="anna", extra_body={"explain": "likelihood"}).explanation
    assert weighed == {**why, "likelihood": {"with_persona": -0.5, "without_persona": -2.0}}


def test_the_longest_answer_is_handed_on(gateway, openai):
    ask(openai, max_tokens=5)
    ask(openai, max_completion_tokens=6)
    ask(openai)
    assert [request.max_new_tokens for request in gateway.engine.answered] == [5, 6, None]
    with pytest.raises(openai_package.UnprocessableEntityError, match="allowed are 1024"):
        ask(openai, max_tokens=1025)
