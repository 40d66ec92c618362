"""Golden requests: invented users' questions with the answers that a bundle gave when it was made.

A server asks them before it serves a bundle. Neither texts nor users are anybody's: the items are
made of the sentences below, and of the task's own labels.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from components.config import Config
from components.serving.engines.engine import EngineRequest
from components.serving.persona_model import PersonaModel
from components.serving.reproduce import Request
from components.tasks.task import Task
from components.tasks.templates import name_fields

SENTENCES = (
    "A lighthouse keeper counts the ships until one of them answers",
    "The soup was cold, but the waiter told a good story",
    "Two sisters build a machine that forgets the past",
    "It broke after a week and nobody would repair it",
    "A detective in love with the thief follows him over the sea",
    "The best tent I ever slept in, dry in every storm",
    "A village votes on whether the dragon may stay",
    "Far too long, and the ending can be seen from the first page",
    "Children of the last war meet at a quiet lake",
    "Worth every coin, my whole family uses it each morning",
    "An android learns to laugh and is put on trial for it",
    "Neither good nor bad, it does what it says",
)
HISTORY_SIZES = (0, 1, 2, 3, 4, 6, 8, 12)
"""Items of each invented user."""


class GoldenRequest(Config):
    """A question of an invented user, and its answer."""

    request: Request = Field(description="What is asked.")
    prediction: str = Field(description="What the bundle answered when it was made.")


class Golden(Config):
    """All golden requests of a bundle."""

    requests: tuple[GoldenRequest, ...] = Field(description="One an invented user.")

    def prepare(self, encode: Callable[[list[str]], NDArray[np.float16]]) -> list[EngineRequest]:
        """Return the requests as an engine takes them.

        Args:
            encode: Encodes history items that are rendered already; float16 [H, E].
        """
        return [
            EngineRequest(
                payload=golden.request.payload,
                prompt=golden.request.prompt,
                vectors=encode(golden.request.history),
            )
            for golden in self.requests
        ]

    def judge(self, answers: Sequence[str], min_share: float) -> str | None:
        """Say what is wrong with the answers of a bundle; None if nothing is.

        Args:
            answers: One a request.
            min_share: Share that must be as they were.
        """
        expected = [golden.prediction for golden in self.requests]
        odd = [row for row, text in enumerate(answers) if text != expected[row]]
        if len(odd) <= (1 - min_share) * len(expected):
            return None
        return (
            f"{len(odd)} of {len(expected)} golden requests are answered otherwise than when the "
            f"bundle was made, the first of them number {odd[0]}"
        )


def invent_requests(task: Task) -> list[Request]:
    """Invent a question and a history for each of some users."""
    requests = []
    for user, size in enumerate(HISTORY_SIZES):
        asked = {
            name: pick_sentence(5 * user + place)
            for place, name in enumerate(name_fields(task.prompt))
        }
        items = [invent_item(task, 7 * user + item) for item in range(size)]
        requests.append(
            Request(
                prompt=task.prompt.format_map(asked),
                payload=task.payload_template.format_map(asked),
                history=[task.render_item(item) for item in items],
            )
        )
    return requests


def invent_item(task: Task, number: int) -> dict[str, str]:
    """Invent the fields of a history item."""
    item = {name: pick_sentence(number + place) for place, name in enumerate(task.history_fields)}
    if task.labels and task.output_field in item:
        item[task.output_field] = task.labels[number % len(task.labels)]
    return item


def pick_sentence(number: int) -> str:
    """Return one of the invented sentences."""
    return f"{SENTENCES[number % len(SENTENCES)]}."


def ask_golden(model: PersonaModel, requests: Sequence[Request]) -> Golden:
    """Let a model answer invented requests: the answers are golden from now on."""
    answers = model.answer(
        [request.payload for request in requests],
        [model.encode_rendered(request.history) for request in requests],
        [request.prompt for request in requests],
    )
    return Golden(
        requests=tuple(
            GoldenRequest(request=request, prediction=answer)
            for request, answer in zip(requests, answers, strict=True)
        )
    )
