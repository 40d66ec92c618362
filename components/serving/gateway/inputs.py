"""From what a client wrote to what the input encoder and the LLM read."""

from collections.abc import Sequence
from typing import NamedTuple

from components.serving.gateway.errors import INVALID_INPUT, ApiError
from components.serving.gateway.openai_types import Message
from components.tasks.task import Task


class Input(NamedTuple):
    """An input, read for a task."""

    payload: str
    """For the input encoder."""
    prompt: str
    """For the LLM."""


def read_chat(task: Task, messages: Sequence[Message], max_chars: int) -> Input:
    """Read a chat: the embedder its last user message, the LLM all texts in their order.

    Raises:
        ApiError: If the last message is not the user's, is empty, or all are too long.
    """
    if messages[-1].role != "user":
        message = "the last message must be the user's: it is what is answered"
        raise ApiError(INVALID_INPUT, "no_user_message", message, "messages")
    texts = [message.text for message in messages]
    check_length(sum(map(len, texts)), max_chars, "messages")
    payload, prompt = read_text(task, texts[-1], max_chars, "messages")
    before = [text for text in texts[:-1] if text.strip()]
    return Input(payload, "\n\n".join([*before, prompt]))


def read_text(task: Task, text: str, max_chars: int, param: str) -> Input:
    """Read one text: worded as the task's prompt, in words of its own, or the payload alone.

    Raises:
        ApiError: If it is empty or too long.
    """
    check_length(len(text), max_chars, param)
    payload = task.extract_payload(text)
    if payload is not None:
        read = Input(payload, text)
    elif (guessed := task.guess_payload(text)) != text:
        read = Input(guessed, text)
    else:
        read = Input(text, _word(task, text))
    if not read.payload.strip():
        raise ApiError(INVALID_INPUT, "empty_input", "the input is empty", param)
    return read


def check_length(num_chars: int, max_chars: int, param: str) -> None:
    """Refuse a text that is too long.

    Raises:
        ApiError: If it is.
    """
    if num_chars > max_chars:
        message = f"{num_chars} characters, allowed are {max_chars}"
        raise ApiError(INVALID_INPUT, "input_too_long", message, param)


def _word(task: Task, payload: str) -> str:
    """Put a payload into the task's words, if it is worded as they want it."""
    try:
        return task.render_prompt(payload)
    except ValueError:
        return payload
