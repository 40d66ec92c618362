"""How much one request and one key may ask for."""

import json
from time import sleep

from tests.components.serving.gateway.conftest import ACME, GLOBEX, ITEMS, bearer, make_token

TEXT = "a tale of time travel"


def test_a_key_may_ask_so_often(open_gateway):
    with open_gateway(limits={"requests": "3/second;4/minute"}) as gateway:
        statuses = [gateway.ask(TEXT).status_code for _ in range(4)]
        refused = gateway.ask(TEXT)
        assert (statuses[:3], refused.status_code) == ([200] * 3, 429)
        assert refused.json()["error"]["type"] == "rate_limit_error"
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        others = [GLOBEX, make_token("acme"), make_token("anna"), make_token("anna", "globex")]
        assert [gateway.ask(TEXT, key).status_code for key in others] == [200] * 4


def test_after_retry_after_there_is_room(open_gateway):
    with open_gateway(limits={"requests": "1/2 seconds"}) as gateway:
        assert gateway.ask(TEXT).status_code == 200
        refused = gateway.ask(TEXT)
        assert refused.status_code == 429
        sleep(2 * int(refused.headers["retry-after"]))
        assert gateway.ask(TEXT).status_code == 200


def test_a_body_may_be_so_large(open_gateway):
    with open_gateway(limits={"body_bytes": 300}) as gateway:
        assert gateway.ask(TEXT).status_code == 200
        refused = gateway.ask("a" * 300)
        assert (refused.status_code, refused.json()["error"]["code"]) == (413, "body_too_large")
        chunks = iter([b'{"a": "', b"a" * 300, b'"}'])  # no length is announced
        refused = gateway.client.post("/v1/completions", content=chunks, headers=bearer(ACME))
        assert (refused.status_code, refused.json()["error"]["code"]) == (413, "body_too_large")


def test_an_input_may_be_so_long(open_gateway):
    with open_gateway(limits={"input_chars": 30, "items": 2}) as gateway:
        assert gateway.ask("a" * 30).status_code == 200
        refused = gateway.ask("a" * 31)
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "input_too_long")
        for text, label in (("a" * 31, "sci-fi"), ("a" * 20, "based on a book")):
            refused = gateway.add("anna", [{"text": text, "label": label}])
            assert (refused.status_code, refused.json()["error"]["code"]) == (422, "input_too_long")
        refused = gateway.add("anna", ITEMS[:3])
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "too_many_items")
        assert gateway.history("anna").json() == {"items": []}


def test_a_prompt_beyond_the_llms_limit_is_named(gateway):
    refused = gateway.ask("a" * 3000)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (422, "context_length_exceeded")
    assert "the LLM reads at most 2000" in error["message"]
    streamed = gateway.ask("a" * 3000, stream=True)
    assert (streamed.status_code, streamed.json()) == (422, refused.json())


def test_what_is_no_text_is_refused(gateway):
    half = [{"type": "text", "text": "\ud800"}]
    picture = [{"type": "image_url", "image_url": {"url": "a"}}]
    for content in (None, 5, [], {"a": 1}, picture, "\ud800", half):
        body = {"model": "persona-plug-LaMP_2", "messages": [{"role": "user", "content": content}]}
        refused = gateway.client.post(
            "/v1/chat/completions", content=json.dumps(body), headers=bearer(ACME)
        )
        assert refused.status_code == 422, content
    half = json.dumps({"model": "persona-plug-LaMP_2", "prompt": "\ud800"})
    deep = "[" * 100_000
    for content in (half, "{", deep):
        refused = gateway.client.post("/v1/completions", content=content, headers=bearer(ACME))
        assert refused.status_code in {400, 422}
        assert refused.json()["error"]["type"] == "invalid_request_error"
