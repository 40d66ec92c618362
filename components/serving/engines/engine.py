"""What an engine is asked and what it answers: the seam between the gateway and the models.

Letters: H history items of one user, E width of the history encoder.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from components.tasks.task import Task


class EngineBusyError(Exception):
    """Too many requests wait already.

    Args:
        retry_after_s: Seconds after which there will be room, as far as can be told.
    """

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many requests wait; there is room in about {retry_after_s} s")
        self.retry_after_s = retry_after_s


class PromptTooLongError(ValueError):
    """An input is longer than the LLM reads.

    Args:
        limit: Most tokens of an input.
        given: The input's.
    """

    def __init__(self, limit: int, given: int) -> None:
        super().__init__(f"the input has {given} tokens, the LLM reads at most {limit}")
        self.limit = limit
        self.given = given


class UnreadableInputError(ValueError):
    """An input holds what the LLM's server keeps to itself; the message quotes no more of it."""


class NotOfferedError(ValueError):
    """What is asked can't be had of this engine."""


class EngineDownError(Exception):
    """What answers can't be reached; nothing of a request's text is said."""


@dataclass(frozen=True)
class EngineRequest:
    """One input of one user; no repr shows a text or a vector."""

    payload: str = field(repr=False)
    """What the input encoder reads: the last user message's payload."""
    prompt: str = field(repr=False)
    """The LLM's whole input, in the task's words or the client's own."""
    vectors: NDArray[np.float16] | None = field(repr=False)
    """The user's behavior vectors [H, E], oldest first; with none of them (H = 0) she is served by
    the null row that was trained for it. None: the LLM answers alone, without the plug-in."""
    max_new_tokens: int | None = None
    """Longest generated answer; None for the task's. Labels that are scored have no limit."""
    explain: bool = False
    """Whether the items' weights are wanted."""
    likelihood: bool = False
    """Whether the answer's likelihood with and without the persona is wanted."""
    owner: str | None = field(default=None, repr=False)
    """A keyed hash of tenant and user: what is cached of one is never used for another. None:
    nothing is cached across requests. Needed by a remote LLM alone."""


@dataclass(frozen=True)
class Likelihood:
    """How likely an answer is: natural logarithms of the probability of its tokens and its end."""

    with_persona: float
    without_persona: float


@dataclass(frozen=True)
class EngineAnswer:
    """What was answered, and how."""

    text: str = field(repr=False)
    prompt_tokens: int
    """Places that the LLM read, those of the soft prompt included."""
    completion_tokens: int
    """Tokens of the answer, its end included."""
    item_weights: tuple[float, ...] | None = field(repr=False)
    """One a row of the request's vectors; they sum to at most 1, the rest is the null row's."""
    seconds: dict[str, float]
    """By stage: queue, encode_input, aggregate, llm, and likelihood where that was asked. All but
    the first are of the whole batch."""
    model_version: str
    """Of what answered: a new bundle may serve by now."""
    is_cut: bool = False
    """Whether it ends because it may not be longer."""
    likelihood: Likelihood | None = field(default=None, repr=False)
    """If it was asked, and there is a persona."""


@dataclass(frozen=True)
class EnginePiece:
    """A piece of a streamed answer."""

    text: str = field(repr=False)
    model_version: str
    answer: EngineAnswer | None = None
    """The whole answer; of the last piece alone, which may have no text."""


class Engine(Protocol):
    """What answers; many requests at once."""

    @property
    def fingerprint(self) -> str:
        """Of the history encoder whose vectors it reads."""
        ...

    @property
    def dim(self) -> int:
        """Width E of the vectors."""
        ...

    @property
    def task(self) -> Task:
        """What is asked."""
        ...

    @property
    def model_name(self) -> str:
        """The registered model's name."""
        ...

    @property
    def model_version(self) -> str:
        """Its version."""
        ...

    async def answer(self, request: EngineRequest) -> EngineAnswer:
        """Answer a request; a caller that is cancelled meanwhile takes it back.

        Raises:
            EngineBusyError: If too many requests wait.
            PromptTooLongError: If the LLM can't read so much.
            UnreadableInputError: If it holds what the LLM's server keeps to itself.
            NotOfferedError: If likelihoods can't be had.
            EngineDownError: If a remote LLM can't be reached.
        """
        ...

    def stream(self, request: EngineRequest) -> AsyncIterator[EnginePiece]:
        """Yield an answer piece by piece, the last with the whole: one for beams or scored labels.

        Raises:
            EngineBusyError: If too many requests wait.
            PromptTooLongError: If the LLM can't read so much.
            UnreadableInputError: If it holds what the LLM's server keeps to itself.
            NotOfferedError: If likelihoods can't be had.
            EngineDownError: If a remote LLM can't be reached.
        """
        ...

    async def encode_items(self, texts: Sequence[str]) -> NDArray[np.float16]:
        """Encode history items as the task's template renders them; float16 [H, E].

        Raises:
            EngineBusyError: If too many wait.
        """
        ...

    async def close(self) -> None:
        """Answer what waits, then give everything back; what comes now is refused."""
        ...
