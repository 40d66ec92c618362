"""What the embedder and the LLM read of what a client wrote."""

import pytest

from components.serving.gateway.errors import ApiError
from components.serving.gateway.inputs import Input, read_chat, read_text
from components.serving.gateway.openai_types import Message
from components.tasks.lamp import LAMP_1, LAMP_3

ASKED = LAMP_3.render_prompt("great book")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (ASKED, Input("great book", ASKED)),
        ("great book", Input("great book", ASKED)),
        ("Rate this review: great book", Input("great book", "Rate this review: great book")),
    ],
)
def test_a_text_is_read_for_a_task(text, read):
    assert read_text(LAMP_3, text, 1000, "prompt") == read


def test_a_payload_that_the_task_can_not_word_stays_as_it_is():
    assert read_text(LAMP_1, "a title", 1000, "prompt") == Input("a title", "a title")


def test_the_embedder_reads_the_last_message_and_the_llm_all():
    messages = [
        Message(role="system", content="Be brief."),
        Message(role="user", content="bad book"),
        Message(role="assistant", content="1"),
        Message(
            role="user", content=[{"type": "text", "text": part} for part in ("great ", "book")]
        ),
    ]
    read = read_chat(LAMP_3, messages, 1000)
    assert read == Input("great book", f"Be brief.\n\nbad book\n\n1\n\n{ASKED}")
    assert read_chat(LAMP_3, messages[-1:], 1000) == Input("great book", ASKED)


@pytest.mark.parametrize("text", ["", " \n", LAMP_3.render_prompt(" "), "review: "])
def test_an_empty_input_is_refused(text):
    with pytest.raises(ApiError, match="the input is empty") as caught:
        read_text(LAMP_3, text, 1000, "prompt")
    assert (caught.value.status, caught.value.param) == (422, "prompt")


def test_what_is_too_long_is_refused():
    chat = [Message(role="system", content="12345"), Message(role="user", content="12345")]
    assert read_chat(LAMP_3, chat, 10).payload == "12345"
    with pytest.raises(ApiError, match="10 characters, allowed are 9"):
        read_chat(LAMP_3, chat, 9)
    with pytest.raises(ApiError, match="6 characters, allowed are 5"):
        read_text(LAMP_3, "123456", 5, "prompt")


def test_the_last_message_must_be_the_users():
    with pytest.raises(ApiError, match="last message must be the user's"):
        read_chat(LAMP_3, [Message(role="assistant", content="1")], 9)
