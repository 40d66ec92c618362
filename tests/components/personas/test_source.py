"""What serving appended reaches the next training, the same for SQLite and PostgreSQL."""

from datetime import datetime

import numpy as np
import pytest

from components.histories.config import InteractionsConfig, StoreSourceConfig
from components.histories.interactions import read_interactions, read_stored_events
from components.personas.export import write_events
from components.personas.persona import PersonaItem, hash_text
from components.personas.source import open_source, read_events
from components.tasks.task import Task
from tests.components.histories.source_writers import write_jsonl
from tests.components.personas.items import make_item, publish

TASK = Task(
    name="score",
    kind="ordinal",
    labels=("1", "2", "3"),
    prompt="How good? review: {payload}",
    input_field="text",
    output_field="score",
    history_template="score: {score} review: {text}",
)


def make_review(item_id, day):
    return make_item(item_id, day=day, output="3", text=f"review {item_id}")


def list_ids(events):
    return sorted((row["user_id"], row["item_id"]) for row in events.rows)


def test_base_and_appended_items_are_events(store):
    publish(store, [("anna", [make_review("a", 1)])])
    store.append("anna", [make_review("b", 2), make_item("c", text="no label, no time")])
    events = read_events(store)
    assert list(events.rows) == [
        {
            "user_id": "anna",
            "item_id": item_id,
            "time": moment,
            "input": text,
            "output": output,
            "is_appended": item_id != "a",
        }
        for item_id, moment, text, output in [
            ("c", None, "no label, no time", None),
            ("a", datetime(2024, 1, 1), "review a", "3"),
            ("b", datetime(2024, 1, 2), "review b", "3"),
        ]
    ]
    watermark = events.watermark
    assert (watermark.tenant, watermark.fingerprint) == ("default", "minilm-1")
    assert (watermark.generation, watermark.sequences) == (2, store.watermarks())
    assert sum(watermark.sequences) == 2


def test_what_is_appended_later_waits_for_the_next_reading(store):
    users = ("anna", "bert", "carl", "dora")  # in more than one shard
    for user in users:
        store.append(user, [make_review("a", 1)])
    first = read_events(store)
    rows = iter(first.rows)
    seen = [next(rows)]  # even while it reads
    for user in (*users, "new"):
        store.append(user, [make_review("b", 2)])
    seen += rows
    assert sorted((row["user_id"], row["item_id"]) for row in seen) == [(u, "a") for u in users]
    second = read_events(store)
    assert list_ids(second) == sorted([(u, i) for u in users for i in "ab"] + [("new", "b")])
    grown = zip(first.watermark.sequences, second.watermark.sequences, strict=True)
    assert sum(after - before for before, after in grown) == 5


def test_an_erased_user_is_absent(store):
    publish(store, [(user, [make_review("a", 1)]) for user in ("anna", "bert")])
    store.append("anna", [make_review("b", 2)])
    events = read_events(store)
    store.forget("anna")
    assert list_ids(events) == [("bert", "a")]


def test_an_item_without_a_text_is_named(store):
    store.append("anna", [make_review("a", 1), make_item("b")])
    with pytest.raises(ValueError, match=r"user 'anna', item 'b': has no text.*keep_texts"):
        list(read_events(store).rows)


def test_a_generation_that_is_published_meanwhile_is_found_out(store):
    publish(store, [("anna", [make_review("a", 1)])])
    events = read_events(store)
    store.append("bert", [make_review("b", 1)])
    publish(store, [("anna", [make_review("a", 1)]), ("bert", [make_review("b", 1)])])
    with pytest.raises(ValueError, match="generation 3 was published while generation 2 was read"):
        list(events.rows)


def test_the_only_fingerprint_need_not_be_named(store, open_store, place, custody):
    publish(store, [("anna", [make_review("a", 1)])])
    with open_source(place, custody, "default", None) as source:
        assert list_ids(read_events(source)) == [("anna", "a")]
    other = open_store(fingerprint="minilm-2", dim=3)
    other.append("anna", [make_item("b", [1, 2, 3], output="1", text="review b")])
    several = r"fingerprints \['minilm-1', 'minilm-2'\]; expected one of them.*got None"
    with pytest.raises(ValueError, match=several):
        open_source(place, custody, "default", None)
    with open_source(place, custody, "default", "minilm-1") as source:
        assert list_ids(read_events(source)) == [("anna", "a")]
    with pytest.raises(ValueError, match="got 'minilm-3'"):
        open_source(place, custody, "default", "minilm-3")
    with pytest.raises(ValueError, match=r"tenant 'nobody' has items under the fingerprints \[\]"):
        open_source(place, custody, "nobody", None)


def test_round_trip_gives_the_same_items_and_questions(store, tmp_path):
    """From a file to the store, and from there both ways back."""
    reviews = [
        {
            "user": user,
            "time": f"2024-01-{1 + number // 2:02}",  # two of each time
            "film": f"film {number}",
            "review": f"review {number} of {user}",
            "score": 1 + number % 3,
        }
        for user in ("zoë", "anna", "bert", "carl")
        for number in range(12)
    ]
    columns = {"user": "user", "time": "time", "item_id": "film", "input": "review"}
    path = write_jsonl(tmp_path / "reviews.jsonl", reviews)
    config = InteractionsConfig(path=path, output="score", **columns)
    original = read_interactions(config, TASK, 0, tmp_path / "original")
    assert len(original.items) == 48
    for row in original.items:
        content_hash = hash_text(row["text"])
        vector = np.ones(2, np.float32)
        item = PersonaItem(
            row["item_id"], vector, content_hash, row["time"], row["output"], row["input"]
        )
        store.append(row["user_id"], [item])
    events = read_events(store)
    returned = read_stored_events(StoreSourceConfig(), events, TASK, 0, tmp_path / "returned")
    assert returned.content_hash() == original.content_hash()
    assert returned.watermark == events.watermark

    assert write_events(read_events(store), tmp_path / "events.parquet") == 48
    columns = {"time": "time", "item_id": "item_id", "input": "input", "output": "output"}
    config = InteractionsConfig(path=tmp_path / "events.parquet", **columns)
    exported = read_interactions(config, TASK, 0, tmp_path / "exported")
    assert exported.content_hash() == original.content_hash()
