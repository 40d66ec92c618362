"""What is stored of a user: added, shown, erased, and fed back."""

import pytest

from components.personas.persona import hash_text
from components.serving.gateway.errors import ApiError
from components.serving.gateway.feedback import Feedback, make_item
from components.serving.gateway.history_items import NewItem, render_item
from components.tasks.lamp import LAMP_1, LAMP_2, LAMP_7
from tests.components.serving.gateway.conftest import ACME, ITEMS, bearer

TEXT = "a tale of time travel"


def feed_back(gateway, completion_id, outcome):
    body = {"completion_id": completion_id, "outcome": outcome}
    return gateway.client.post("/v1/feedback", json=body, headers=bearer(ACME))


def erase(gateway, user):
    return gateway.client.delete(f"/v1/users/{user}", headers=bearer(ACME))


def test_items_are_shown_as_they_were_given_without_vectors(gateway):
    given = [
        {**ITEMS[0], "id": "new", "time": "2026-01-02T01:00:00+01:00"},
        {**ITEMS[1], "id": "old", "time": "2025-01-02T00:00:00Z"},
    ]
    assert gateway.add("anna", given).json() == {"ids": ["new", "old"]}
    [made] = gateway.add("anna", [ITEMS[2]]).json()["ids"]
    old, new, newest = gateway.history("anna").json()["items"]
    text, label = ITEMS[1]["text"], ITEMS[1]["label"]
    assert old == {"id": "old", "time": "2025-01-02T00:00:00Z", "label": label, "text": text}
    assert (new["id"], new["time"]) == ("new", "2026-01-02T00:00:00Z")
    assert newest["id"] == made  # without a time it is now
    assert newest["text"] == ITEMS[2]["text"]


def test_what_is_stored_is_what_a_batch_would_store(gateway):
    """A later batch must find that text and vector still hold."""
    gateway.add("anna", ITEMS[:1])
    store = gateway.client.app.state.gateway.stores._stores["acme"]
    [item] = store.get_items("anna")
    rendered = LAMP_2.render_item({"tag": "sci-fi", "description": TEXT})
    assert item.content_hash == hash_text(rendered)
    [vector] = gateway.engine.model.encode_rendered([rendered])
    assert item.vector.tolist() == vector.tolist()
    assert item.is_appended


def test_texts_are_not_kept_if_they_must_not(open_gateway):
    with open_gateway(store={"create": True, "num_shards": 2, "keep_texts": False}) as gateway:
        gateway.add("anna", ITEMS[:1])
        [item] = gateway.history("anna").json()["items"]
        assert (item["text"], item["label"]) == (None, "sci-fi")


def test_an_id_is_stored_once(gateway):
    item = {**ITEMS[0], "id": "one"}
    assert gateway.add("anna", [item]).status_code == 201
    refused = gateway.add("anna", [ITEMS[1], item])
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "item_exists")
    refused = gateway.add("berta", [item, item])
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "id_twice")
    assert len(gateway.history("anna").json()["items"]) == 1
    assert gateway.history("berta").json() == {"items": []}


UNFIT = [
    ({"text": TEXT, "label": "cooking"}, "unknown_label"),
    ({"text": ""}, "invalid_request"),
    ({"text": TEXT, "label": "sci-fi", "id": " "}, "invalid_request"),
    ({"text": TEXT, "label": "sci-fi", "time": "2025-01-02T00:00:00"}, "invalid_request"),
    ({"text": TEXT, "label": "sci-fi", "time": "0001-01-01T00:00:00+01:00"}, "invalid_request"),
    ({"text": TEXT, "label": "sci-fi", "time": "9999-12-31T23:59:59-01:00"}, "invalid_request"),
    ({"text": TEXT, "label": "sci-fi", "vector": [1.0]}, "invalid_request"),
]


def test_an_unfit_item_is_refused(gateway):
    for item, code in UNFIT:
        refused = gateway.add("anna", [item])
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, code), item
        assert TEXT not in refused.text


def test_an_item_is_rendered_by_the_tasks_template():
    item = NewItem(text="a title", fields={"abstract": "of it", "venue": "not read"})
    assert render_item(LAMP_1, item) == "title: a title abstract: of it"
    with pytest.raises(ApiError, match=r"an item of task LaMP_1 needs fields\.abstract"):
        render_item(LAMP_1, NewItem(text="a title"))


def test_an_item_without_label_is_rendered_by_the_plain_template():
    unlabelled = NewItem(text="a film")
    assert render_item(LAMP_2, unlabelled) == "description: a film"
    labelled = NewItem(text="a film", label="sci-fi")
    assert render_item(LAMP_2, labelled) == "tag: sci-fi description: a film"
    strict = LAMP_2.model_copy(update={"plain_history_template": None})
    with pytest.raises(ApiError, match="an item of task LaMP_2 needs a label"):
        render_item(strict, unlabelled)


def test_a_label_is_optional(gateway):
    assert gateway.add("anna", [{"text": TEXT}]).status_code == 201
    [item] = gateway.history("anna").json()["items"]
    assert (item["text"], item["label"]) == (TEXT, None)


def test_an_erased_user_is_one_without_items(gateway):
    gateway.add("anna", ITEMS)
    before = gateway.ask(TEXT, user="anna").json()
    receipt = erase(gateway, "anna").json()
    assert (receipt["action"], receipt["tenant"]) == ("forget", "acme")
    assert [deletion["rows"] for deletion in receipt["deletions"]] == [5]
    assert receipt["key_destroyed"]
    assert gateway.history("anna").json() == {"items": []}
    assert gateway.ask(TEXT, user="anna").json()["persona_status"] == "prior"
    refused = gateway.add("anna", ITEMS[:1])
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "user_erased")
    assert feed_back(gateway, before["id"], "sci-fi").status_code == 404  # nothing remembers her


def test_an_unknown_user_is_as_an_empty_one(gateway):
    gateway.add("berta", ITEMS)
    gateway.add("empty", ITEMS[:1])
    gateway.client.app.state.gateway.stores._stores["acme"].replace("empty", [])

    def look(user):
        asked = gateway.ask(TEXT, user=user, explain=True)
        shown = gateway.history(user)
        told = {name: value for name, value in asked.json().items() if name != "id"}
        told.pop("created")
        return asked.status_code, told, shown.status_code, shown.json()

    assert look("empty") == look("unknown")
    assert look("berta") != look("unknown")


def test_an_outcome_becomes_an_item(gateway):
    answer = gateway.ask(LAMP_2.render_prompt(TEXT), user="anna").json()
    assert answer["persona_status"] == "prior"
    stored = feed_back(gateway, answer["id"], "romance")
    assert (stored.status_code, stored.json()) == (201, {"ids": [answer["id"]]})
    [item] = gateway.history("anna").json()["items"]
    assert (item["id"], item["text"], item["label"]) == (answer["id"], TEXT, "romance")
    assert gateway.ask(TEXT, user="anna").json()["persona_status"] == "partial"
    again = feed_back(gateway, answer["id"], "comedy")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "item_exists")


def test_a_stream_can_be_fed_back_too(gateway):
    streamed = gateway.ask(TEXT, user="anna", stream=True).text
    completion_id = streamed.partition('"id":"')[2].partition('"')[0]
    assert feed_back(gateway, completion_id, "romance").status_code == 201


def test_feedback_that_makes_no_item_is_refused(open_gateway):
    with open_gateway(remembered_answers=2) as gateway:
        ids = [gateway.ask(TEXT, user="anna").json()["id"] for _ in range(3)]
        nobodys = gateway.ask(TEXT).json()["id"]
        statuses = [feed_back(gateway, one, "romance").status_code for one in [*ids, nobodys]]
        assert statuses == [404, 201, 201, 404]
        wrong = gateway.ask(TEXT, user="anna").json()["id"]
        assert feed_back(gateway, wrong, "cooking").json()["error"]["code"] == "unknown_label"


def test_where_items_are_the_users_own_texts_so_is_an_outcome():
    given = Feedback(completion_id="cmpl-1", outcome="mine")
    assert make_item(LAMP_7, "theirs", given) == NewItem(text="mine", id="cmpl-1")
    made = make_item(LAMP_2, "theirs", given)
    assert (made.text, made.label) == ("theirs", "mine")
