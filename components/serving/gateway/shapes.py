"""Answers put into the shapes of OpenAI's two kinds of completion."""

from typing import Any, Protocol

from pydantic import BaseModel

from components.serving.gateway.openai_types import (
    AnswerMessage,
    ChatAnswer,
    ChatChoice,
    ChatChunk,
    ChunkChoice,
    Delta,
    Explanation,
    FinishReason,
    TextAnswer,
    TextChoice,
    Usage,
)

Base = dict[str, Any]
"""The fields that all answers have."""


class Shape(Protocol):
    """How an answer and its pieces look."""

    prefix: str
    """Of ids."""

    def whole(
        self, base: Base, text: str, finish: FinishReason, usage: Usage, why: Explanation | None
    ) -> BaseModel:
        """Return a whole answer."""
        ...

    def piece(self, base: Base, text: str) -> BaseModel:
        """Return a piece of a stream."""
        ...

    def end(self, base: Base, finish: FinishReason) -> BaseModel:
        """Return the piece that says why the answer ends."""
        ...

    def counts(self, base: Base, usage: Usage) -> BaseModel:
        """Return the piece that counts tokens."""
        ...


class ChatShape:
    """`chat.completion`."""

    prefix = "chatcmpl"

    def whole(
        self, base: Base, text: str, finish: FinishReason, usage: Usage, why: Explanation | None
    ) -> ChatAnswer:
        """Return a whole answer."""
        choice = ChatChoice(message=AnswerMessage(content=text), finish_reason=finish)
        return ChatAnswer(**base, choices=[choice], usage=usage, explanation=why)

    def piece(self, base: Base, text: str) -> ChatChunk:
        """Return a piece of a stream."""
        delta = Delta(role="assistant", content=text)
        return ChatChunk(**base, choices=[ChunkChoice(delta=delta)])

    def end(self, base: Base, finish: FinishReason) -> ChatChunk:
        """Return the piece that says why the answer ends."""
        return ChatChunk(**base, choices=[ChunkChoice(delta=Delta(), finish_reason=finish)])

    def counts(self, base: Base, usage: Usage) -> ChatChunk:
        """Return the piece that counts tokens."""
        return ChatChunk(**base, choices=[], usage=usage)


class TextShape:
    """`text_completion`."""

    prefix = "cmpl"

    def whole(
        self, base: Base, text: str, finish: FinishReason, usage: Usage, why: Explanation | None
    ) -> TextAnswer:
        """Return a whole answer."""
        choice = TextChoice(text=text, finish_reason=finish)
        return TextAnswer(**base, choices=[choice], usage=usage, explanation=why)

    def piece(self, base: Base, text: str) -> TextAnswer:
        """Return a piece of a stream."""
        return TextAnswer(**base, choices=[TextChoice(text=text, finish_reason=None)])

    def end(self, base: Base, finish: FinishReason) -> TextAnswer:
        """Return the piece that says why the answer ends."""
        return TextAnswer(**base, choices=[TextChoice(text="", finish_reason=finish)])

    def counts(self, base: Base, usage: Usage) -> TextAnswer:
        """Return the piece that counts tokens."""
        return TextAnswer(**base, choices=[], usage=usage)
