"""Golden requests over HTTP: invented users are given once, and asked as anybody is."""

import http.client
from functools import partial
from threading import Thread

import pytest

from components.deployment.golden_check import Door, ask, check_golden, invent_user
from components.serving.golden import invent_item, invent_requests
from components.tasks.lamp import LAMP_2, LAMP_TASKS
from tests.components.deployment.conftest import KEY, NAME, make_exam
from tests.components.deployment.plain_gateway import PlainGateway, make_server


@pytest.fixture
def gateway():
    gateway = PlainGateway(NAME, "7", KEY)
    server = make_server(gateway)
    Thread(target=server.serve_forever, daemon=True).start()
    gateway.connect = partial(http.client.HTTPConnection, "127.0.0.1", server.server_port)
    yield gateway
    server.shutdown()


def check(gateway, min_share=1.0, key=KEY, version="7"):
    return check_golden(Door("here", key, gateway.connect), make_exam(version), min_share)


def test_items_are_given_once_and_asked_ever_after(gateway):
    assert check(gateway) is None
    stored = {user: dict(items) for user, items in gateway.items.items()}
    assert sorted(len(items) for items in stored.values()) == [1, 2]  # nobody without items
    assert check(gateway) is None
    assert gateway.items == stored


def test_what_is_put_off_is_asked_again(gateway):
    gateway.num_put_off = 5
    assert check(gateway) is None
    gateway.num_put_off = 50
    assert check(gateway) == "a golden request is refused: HTTP 429 engine_busy: come again"


def test_other_answers_are_a_fault_up_to_a_share(gateway):
    gateway.does = "wrong"
    assert check(gateway, 0.1).startswith("3 of 3 golden requests are answered otherwise")
    assert check(gateway, 0.0) is None


def test_another_version_is_a_fault_before_anything_is_asked(gateway):
    assert check(gateway, version="8") == f"serves version 7 of {NAME}, not 8 of {NAME}"
    assert gateway.items == {}


def test_a_key_that_is_not_known_is_told(gateway):
    told = "a golden request is refused: HTTP 401 invalid_api_key: unknown key"
    assert check(gateway, key="another") == told


def test_a_user_with_other_items_is_no_golden_user(gateway):
    """Somebody has given items under the deployment's key."""
    check(gateway)
    for items in gateway.items.values():
        items["of somebody"] = "comedy"
    assert check(gateway) == (
        "a golden request is refused: HTTP 409 item_exists: there is such an item"
    )


def test_nobody_at_the_door_is_told():
    door = Door("here", KEY, partial(http.client.HTTPConnection, "127.0.0.1", 1, timeout=1))
    assert check_golden(door, make_exam("7"), 1.0).startswith(
        "a golden request is not answered: ConnectionRefusedError"
    )


def test_a_history_is_read_back_into_what_a_client_gives():
    texts = [LAMP_2.render_item({"description": text, "tag": tag})
             for text, tag in (("of a ship", "action"), ("a: joke", "comedy"))]  # fmt: skip
    user, items = invent_user(LAMP_2, texts)
    digest = user.removeprefix("golden-")
    assert len(digest) == 16
    assert items == [
        {"id": f"{digest}-0", "time": "2000-01-01T00:00:00Z", "text": "of a ship",
         "label": "action", "fields": {}},
        {"id": f"{digest}-1", "time": "2000-01-01T00:01:00Z", "text": "a: joke",
         "label": "comedy", "fields": {}},
    ]  # fmt: skip
    assert invent_user(LAMP_2, texts[:1])[0] != user
    with pytest.raises(ValueError, match="an item is not worded like"):
        invent_user(LAMP_2, ["anything"])


@pytest.mark.parametrize("task", LAMP_TASKS.values(), ids=LAMP_TASKS)
def test_the_invented_histories_of_every_task_are_rendered_again_as_they_were(task):
    for request in invent_requests(task):
        for text, item in zip(request.history, invent_user(task, request.history)[1], strict=True):
            fields = {**item["fields"], task.input_field: item["text"]}
            if "label" in item:
                fields[task.output_field] = item["label"]
            assert task.render_item(fields) == text
    assert invent_item(task, 0)  # there was something to render


def test_the_connection_stays_open_until_it_is_read(gateway):
    """A port-forward that the server closes may lose the end of an answer."""
    sent = []

    class Watched(http.client.HTTPConnection):
        def putheader(self, header, *values):
            sent.append(header.lower())
            super().putheader(header, *values)

    first = gateway.connect()
    ask(Door("here", KEY, lambda: Watched(first.host, first.port)), "GET", "/readyz")
    assert "authorization" in sent
    assert "connection" not in sent
