import hashlib
import multiprocessing
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from components.personas.persona import PersonaItem, hash_text
from components.personas.store import PersonaStore

ROOT = Path(__file__).parents[3]


def make_item(item_id, vector=(0.5, -1.0), day=None, output=None):
    moment = None if day is None else datetime(2024, 1, day)
    content_hash = hash_text(f"text of {item_id}")
    return PersonaItem(item_id, np.array(vector, np.float32), content_hash, moment, output)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "personas.db"


@pytest.fixture
def store(path):
    with PersonaStore.open(path, "minilm-1", dim=2) as store:
        yield store


def test_get_returns_what_was_appended(store):
    store.append("anna", [make_item("a", [0.5, -1.0], day=1), make_item("b", [0.1, 2.0], day=2)])
    persona = store.get("anna")
    assert persona.vectors.dtype == np.float16
    # The float16 nearest to 0.1 is 0.0999755859375.
    assert persona.vectors.tolist() == [[0.5, -1.0], [0.0999755859375, 2.0]]
    assert persona.item_ids == ("a", "b")
    assert persona.times == (datetime(2024, 1, 1), datetime(2024, 1, 2))
    persona.vectors[0, 0] = 3.0  # the reader's own copy, which torch can take
    assert store.get("anna").vectors[0, 0] == 0.5


def test_unknown_user_has_an_empty_persona(store):
    persona = store.get("nobody")
    assert persona.vectors.shape == (0, 2)
    assert persona.vectors.dtype == np.float16
    assert (persona.item_ids, persona.times, len(persona)) == ((), (), 0)


def test_items_come_by_time_untimed_first_then_as_stored(store):
    store.append("anna", [make_item("late", day=9), make_item("z"), make_item("early", day=1)])
    store.append("anna", [make_item("same", day=1), make_item("a")])
    assert store.get("anna").item_ids == ("z", "a", "early", "same", "late")


def test_max_items_keeps_the_newest_oldest_first(store):
    store.append("anna", [make_item(f"day{day}", [day, 0], day=day) for day in (5, 3, 4, 1, 2)])
    store.append("anna", [make_item("untimed")])
    persona = store.get("anna", max_items=3)
    assert persona.item_ids == ("day3", "day4", "day5")
    assert persona.vectors[:, 0].tolist() == [3, 4, 5]
    with pytest.raises(ValueError, match="max_items is 0"):
        store.get("anna", max_items=0)


def test_append_of_a_stored_item_changes_nothing(store):
    store.append("anna", [make_item("a")])
    with pytest.raises(ValueError, match="user 'anna', item 'a': is already stored"):
        store.append("anna", [make_item("b"), make_item("a")])
    assert store.get("anna").item_ids == ("a",)
    store.append("bert", [make_item("a")])  # ids are a user's own
    assert store.get("bert").item_ids == ("a",)


@pytest.mark.parametrize("broken", [make_item("c", [np.nan, 1]), make_item("c", [1, 2, 3])])
def test_refused_items_leave_the_history_as_it_was(store, broken):
    store.append("anna", [make_item("a")])
    for write in (store.append, store.replace):
        with pytest.raises(ValueError, match="user 'anna', item 'c'"):
            write("anna", [make_item("b"), broken])
        assert store.get("anna").item_ids == ("a",)


def test_failure_inside_the_transaction_undoes_the_replacement(store):
    store.append("anna", [make_item("a")])
    unbindable = PersonaItem("c", np.ones(2, np.float32), hash_text("c"), output=object())
    with pytest.raises(Exception, match="type 'object' is not supported"):
        store.replace("anna", [make_item("b"), unbindable])
    assert store.get("anna").item_ids == ("a",)
    store.append("anna", [make_item("b")])  # and the write lock is free again


def test_replace_puts_items_in_place_of_the_history(store):
    store.append("anna", [make_item("a"), make_item("b")])
    store.append("bert", [make_item("a")])
    store.replace("anna", [make_item("b", [3, 4])])
    assert store.get("anna").vectors.tolist() == [[3, 4]]
    assert store.get("bert").item_ids == ("a",)
    store.replace("anna", [])
    assert len(store.get("anna")) == 0


def test_rows_hold_hash_label_and_vector_but_no_text(store, path):
    store.append("anna", [make_item("a", output="comedy")])
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT user_id, content_hash, output, vector FROM items")
        assert rows.fetchall() == [
            ("anna", hashlib.sha256(b"text of a").digest(), "comedy", b"\x00\x38\x00\xbc")
        ]


def test_scan_yields_every_user_with_the_whole_history(store):
    for number in range(600):  # more than two pages of users
        store.replace(f"user{number:03}", [make_item(f"item{number}", [number, 0])])
    store.append("user000", [make_item(f"more{number}") for number in range(600)])
    found = dict(store.scan())
    assert list(found) == [f"user{number:03}" for number in range(600)]
    assert len(found["user000"]) == 601
    assert found["user599"].vectors.tolist() == [[599, 0]]


def test_scan_goes_on_while_users_are_forgotten_and_added(store):
    for user_id in ("anna", "bert", "carl"):
        store.append(user_id, [make_item("a")])
    found = []
    for user_id, _ in store.scan():
        found.append(user_id)
        if user_id == "anna":
            assert store.forget("bert").log_emptied
            store.append("dora", [make_item("a")])
    assert found == ["anna", "carl", "dora"]


def test_stat_counts_users_items_and_bytes(store, path):
    assert (store.stat().users, store.stat().items) == (0, 0)
    store.append("anna", [make_item("a"), make_item("b")])
    store.append("bert", [make_item("a")])
    stat = store.stat()
    assert (stat.users, stat.items, stat.fingerprint) == (2, 3, "minilm-1")
    assert stat.size_bytes == sum(
        file.stat().st_size for file in path.parent.iterdir() if not file.name.endswith("-shm")
    )


def test_tenants_share_the_file_and_see_nothing_of_each_other(store, path):
    store.append("anna", [make_item("a")])
    with PersonaStore.open(path, "minilm-1", dim=2, tenant="other") as other:
        assert len(other.get("anna")) == 0
        other.append("anna", [make_item("a", [7, 7]), make_item("b")])
        assert other.stat().items == 2
        assert [user_id for user_id, _ in other.scan()] == ["anna"]
        assert other.forget("anna").rows_deleted == 2
    assert store.get("anna").vectors.tolist() == [[0.5, -1.0]]


@pytest.mark.parametrize(("fingerprint", "dim"), [("minilm-2", 2), ("minilm-1", 3)])
@pytest.mark.parametrize("tenant", ["default", "other"])
def test_store_of_another_encoder_is_refused(store, path, fingerprint, dim, tenant):
    message = (
        r"made with fingerprint 'minilm-1' and dim 2, "
        rf"but is opened with fingerprint '{fingerprint}' and dim {dim}"
    )
    with pytest.raises(ValueError, match=message):
        PersonaStore.open(path, fingerprint, dim, tenant)


def test_reader_finds_out_that_a_path_is_mistyped(path):
    with pytest.raises(ValueError, match="there is no such file"):
        PersonaStore.open(path, "minilm-1", 2, create=False)
    with pytest.raises(ValueError, match="there is no directory"):
        PersonaStore.open(path.parent / "nowhere" / "personas.db", "minilm-1", 2)
    with pytest.raises(ValueError, match="dim is 0"):
        PersonaStore.open(path, "minilm-1", 0)
    with pytest.raises(ValueError, match="fingerprint is ''"):
        PersonaStore.open(path, "", 2)
    assert not path.exists()


def test_closed_store_is_one_file_that_opens_again(path):
    with PersonaStore.open(path, "minilm-1", 2) as store:
        store.append("anna", [make_item("a")])
    assert [file.name for file in path.parent.iterdir()] == ["personas.db"]
    with pytest.raises(ValueError, match="is closed"):
        store.get("anna")
    with PersonaStore.open(path, "minilm-1", 2, create=False) as store:
        assert store.get("anna").item_ids == ("a",)


def test_another_process_reads_what_was_just_appended(store, path):
    store.append("anna", [make_item("a")])
    code = (
        "import sys; from pathlib import Path; from components.personas.store import PersonaStore\n"
        "with PersonaStore.open(Path(sys.argv[1]), 'minilm-1', 2, create=False) as store:\n"
        "    sys.stdout.write(str(store.get('anna').vectors.tolist()))"
    )
    arguments = [sys.executable, "-c", code, str(path)]
    answer = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout == "[[0.5, -1.0]]"


def test_forked_process_uses_connections_of_its_own(store):
    store.append("anna", [make_item("a")])
    engine_of_parent = store._engine

    def read_and_append():
        assert store.get("anna").item_ids == ("a",)
        assert store._engine is not engine_of_parent
        store.append("anna", [make_item("b")])

    process = multiprocessing.get_context("fork").Process(target=read_and_append)
    process.start()
    process.join()
    assert process.exitcode == 0
    assert store.get("anna").item_ids == ("a", "b")


def test_forget_deletes_and_says_so(store, path):
    store.append("anna", [make_item("a"), make_item("b")])
    store.append("bert", [make_item("a")])
    receipt = store.forget("anna")
    assert receipt.user_hash == hashlib.sha256(b"default\0anna").hexdigest()
    assert (receipt.rows_deleted, receipt.file, receipt.log_emptied) == (2, path, True)
    assert receipt.time.utcoffset().total_seconds() == 0
    assert len(store.get("anna")) == 0
    assert len(store.get("bert")) == 1
    assert store.forget("anna").rows_deleted == 0
    with pytest.raises(ValidationError, match="frozen"):
        receipt.rows_deleted = 5


def test_forget_says_when_a_reader_keeps_the_log(store, path):
    store.append("anna", [make_item("a")])
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM items").fetchall()
        with store._connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout = 50")  # milliseconds
        assert not store.forget("anna").log_emptied
    receipt = store.forget("anna")
    assert (receipt.rows_deleted, receipt.log_emptied) == (0, True)


def count_stored(items, path):
    """Count the items of which the id, the hash or the vector is in any of the store's files."""
    stored = b"".join(file.read_bytes() for file in path.parent.iterdir())
    return sum(
        item.item_id.encode() in stored
        or bytes.fromhex(item.content_hash) in stored
        or item.vector.astype(np.float16).tobytes() in stored
        for item in items
    )


def churn(store, chance):
    """Append and replace at random; return all that was ever stored, by user."""
    numbers = np.random.default_rng(0)
    items = {f"user{number}": [] for number in range(20)}
    for step in range(400):
        user_id = chance.choice(list(items))
        vectors = numbers.standard_normal((chance.randrange(1, 9), store.dim))
        added = [make_item(f"{user_id}-{step}-{row}.", row_) for row, row_ in enumerate(vectors)]
        write = store.replace if chance.random() < 0.2 else store.append
        write(user_id, added)
        items[user_id] += added
    return items


def test_no_byte_of_a_forgotten_user_stays_in_the_files(path):
    with PersonaStore.open(path, "minilm-1", dim=16) as store:
        # Seed 1 leaves copies in unused parts of pages, despite secure_delete, until VACUUM.
        items = churn(store, random.Random(1))
        kept = items.pop("user7")
        for user_id, forgotten in items.items():
            assert count_stored(forgotten, path) > 0
            store.forget(user_id)
            assert count_stored(forgotten, path) == 0
        assert count_stored(kept, path) > 0


def test_filling_700_users_with_30_000_items_takes_seconds(path):
    vectors = np.random.default_rng(0).standard_normal((30_100, 384), np.float32)
    content_hash = hash_text("text")
    items = [PersonaItem(str(row), vector, content_hash) for row, vector in enumerate(vectors)]
    with PersonaStore.open(path, "minilm-1", dim=384) as store:
        start = time.process_time()  # seconds of this process: other load does not count
        for number in range(700):
            store.replace(f"user{number}", items[43 * number : 43 * (number + 1)])
        assert time.process_time() - start < 5
        assert (store.stat().users, store.stat().items) == (700, 30_100)
