"""Golden requests through the whole of a gateway: key, store, persona and LLM, over HTTP.

The bundle's invented users are users of a tenant of their own (`GOLDEN_TENANT`), which only the
deployment's key opens and no pipeline reads. Their items are given to the gateway once, as any
client gives them, under ids that hang on what they say; a gateway that has them is asked at once.
"""

import hashlib
import http.client
import json
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple, Self

from components.encoders.config import EncoderConfig
from components.serving.bundle import CARD, GOLDEN, PLUG_IN
from components.serving.bundle_card import BundleCard
from components.serving.golden import Golden, GoldenRequest
from components.serving.persona_model import ServingSpec
from components.tasks.task import Task
from components.tasks.templates import match_template
from components.user_embedder.embedder_folder import EmbedderCard

MAX_TRIES = 20
"""Of a request that the gateway puts off (429)."""
ITEM_TIME = "2000-01-01T00:{:02}:00Z"
"""When an invented item happened: in the order of the history."""


class Door(NamedTuple):
    """A way to ask one process of a gateway."""

    name: str
    """Of the process, for messages."""
    key: str
    """Of the tenant of invented users."""
    connect: Callable[[], http.client.HTTPConnection]
    """Opens a connection; it is used for one request."""


class Exam(NamedTuple):
    """What a version is asked, and what it must be."""

    model: str
    version: str
    task: Task
    golden: Golden
    encoder: EncoderConfig

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read it from a serving bundle, of which no weights are needed."""
        card = BundleCard.model_validate_json((folder / CARD).read_text("utf-8"))
        golden = Golden.model_validate_json((folder / GOLDEN).read_text("utf-8"))
        task, encoder = ServingSpec.read(folder).task, EmbedderCard.read(folder / PLUG_IN).encoder
        return cls(card.model_name, card.model_version, task, golden, encoder)


class _RefusedError(Exception):
    """A request was answered otherwise than with a 2xx."""

    def __init__(self, status: int, body: Any) -> None:
        detail = body.get("error") or {} if isinstance(body, dict) else {}
        super().__init__(f"HTTP {status} {detail.get('code')}: {detail.get('message')}")
        self.status = status


def check_golden(door: Door, exam: Exam, min_share: float) -> str | None:
    """Ask a gateway all golden requests of its bundle.

    Args:
        door: The gateway.
        exam: Of the version that it must serve.
        min_share: Share of the answers that must be as when the bundle was made.

    Returns:
        What is wrong; None if nothing is.
    """
    try:
        served = ask(door, "GET", "/readyz")
        if (served["model"], served["model_version"]) != (exam.model, exam.version):
            return (
                f"serves version {served['model_version']} of {served['model']}, not "
                f"{exam.version} of {exam.model}"
            )
        answers = [answer_golden(door, exam, golden) for golden in exam.golden.requests]
    except _RefusedError as err:
        return f"a golden request is refused: {err}"
    except (OSError, http.client.HTTPException, ValueError) as err:
        return f"a golden request is not answered: {type(err).__name__}: {err}"
    return exam.golden.judge(answers, min_share)


def answer_golden(door: Door, exam: Exam, golden: GoldenRequest) -> str:
    """Let the gateway know an invented user's items, and answer her question."""
    user, items = invent_user(exam.task, golden.request.history)
    if items:
        give_items(door, user, items)
    body = {"model": exam.model, "prompt": golden.request.prompt, "user": user, "persona": "on"}
    return str(ask(door, "POST", "/v1/completions", body)["choices"][0]["text"])


def give_items(door: Door, user: str, items: list[dict[str, Any]]) -> None:
    """Give a user's items, if she hasn't got them yet.

    Raises:
        ValueError: If she has others.
    """
    path, wanted = f"/v1/users/{user}/history", [item["id"] for item in items]

    def find_ids() -> list[str]:
        return [item["id"] for item in ask(door, "GET", path)["items"]]

    if find_ids() == wanted:
        return
    try:
        ask(door, "POST", path, {"items": items})
    except _RefusedError as err:
        # Another process of the same gateway was asked at once and has stored them.
        if err.status != HTTPStatus.CONFLICT or find_ids() != wanted:
            raise


def invent_user(task: Task, history: list[str]) -> tuple[str, list[dict[str, Any]]]:
    """Return the id of an invented user and her items as the gateway takes them.

    Args:
        task: Whose template made the texts.
        history: The items as they are rendered, oldest first.

    Raises:
        ValueError: If a text can't be read back into the template's fields.
    """
    digest = hashlib.sha256("\0".join(history).encode()).hexdigest()[:16]
    return f"golden-{digest}", [
        read_item(task, text, f"{digest}-{number}", ITEM_TIME.format(number))
        for number, text in enumerate(history)
    ]


def read_item(task: Task, text: str, item_id: str, item_time: str) -> dict[str, Any]:
    """Read a rendered item back into what a client would give."""
    fields = match_template(task.item_template, text)
    if fields is None:
        raise ValueError(f"golden.json: an item is not worded like {task.item_template!r}")
    item: dict[str, Any] = {"id": item_id, "time": item_time}
    item["text"] = fields.pop(task.input_field, "golden")
    if task.output_field in fields:
        item["label"] = fields.pop(task.output_field)
    return {**item, "fields": fields}


def ask(door: Door, method: str, path: str, body: Any = None) -> Any:
    """Ask a gateway; what it puts off is asked again when it says.

    Raises:
        _RefusedError: If it is answered otherwise than with a 2xx.
    """
    for _ in range(MAX_TRIES):
        status, wait, answer = _ask_once(door, method, path, body)
        if status != HTTPStatus.TOO_MANY_REQUESTS:
            break
        time.sleep(wait)
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        raise _RefusedError(status, answer)
    return answer


def _ask_once(door: Door, method: str, path: str, body: Any) -> tuple[int, float, Any]:
    headers = {"Authorization": f"Bearer {door.key}"}
    sent = None
    if body is not None:
        sent, headers["Content-Type"] = json.dumps(body), "application/json"
    connection = door.connect()
    try:
        connection.request(method, path, sent, headers)
        response = connection.getresponse()
        return (
            response.status,
            float(response.headers.get("Retry-After", 1)),
            json.loads(response.read()),
        )
    finally:
        connection.close()
