"""The store's contract, the same for SQLite and PostgreSQL."""

import multiprocessing
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from components.personas.identifiers import shard_of
from components.personas.persona import PersonaItem, hash_text
from components.personas.store import PersonaStore
from tests.components.personas.items import make_item, publish, scan_all

ROOT = Path(__file__).parents[3]


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


def test_max_items_keeps_the_newest_oldest_first(store, open_store):
    items = [make_item(f"day{day}", [day, 0], day=day) for day in (5, 3, 4, 1, 2)]
    publish(store, [("base", items), ("both", items[:3])])
    store.append("log", [*items, make_item("untimed")])
    store.append("both", items[3:])
    for user_id in ("base", "log", "both"):
        persona = store.get(user_id, max_items=3)
        assert persona.item_ids == ("day3", "day4", "day5")
        assert persona.vectors[:, 0].tolist() == [3, 4, 5]
        assert open_store(max_items=2).get(user_id).item_ids == ("day4", "day5")
    with pytest.raises(ValueError, match="max_items is 0"):
        store.get("log", max_items=0)


def test_append_of_a_stored_item_changes_nothing(store):
    store.append("anna", [make_item("a")])
    with pytest.raises(ValueError, match="user 'anna', item 'a': is already stored"):
        store.append("anna", [make_item("b"), make_item("a")])
    assert store.get("anna").item_ids == ("a",)
    store.append("bert", [make_item("a")])  # ids are a user's own
    assert store.get("bert").item_ids == ("a",)
    publish(store, [("anna", [make_item("a"), make_item("b")])])
    with pytest.raises(ValueError, match="user 'anna', item 'b': is already stored"):
        store.append("anna", [make_item("b")])


@pytest.mark.parametrize("broken", [make_item("c", [np.nan, 1]), make_item("c", [1, 2, 3])])
def test_refused_items_leave_the_history_as_it_was(store, broken):
    store.append("anna", [make_item("a")])
    for write in (store.append, store.replace):
        with pytest.raises(ValueError, match="user 'anna', item 'c'"):
            write("anna", [make_item("b"), broken])
        assert store.get("anna").item_ids == ("a",)


def test_failure_inside_the_transaction_undoes_the_replacement(store):
    store.append("anna", [make_item("a")])
    unwritable = PersonaItem("c", np.ones(2, np.float32), hash_text("c"), output=object())
    with pytest.raises(TypeError, match="not JSON serializable"):
        store.replace("anna", [make_item("b"), unwritable])
    assert store.get("anna").item_ids == ("a",)
    store.append("anna", [make_item("b")])  # and the write lock is free again


def test_replace_puts_items_in_place_of_the_history(store):
    store.append("anna", [make_item("a"), make_item("b")])
    store.append("bert", [make_item("a")])
    store.replace("anna", [make_item("b", [3, 4])])
    assert store.get("anna").vectors.tolist() == [[3, 4]]
    assert store.get("bert").item_ids == ("a",)
    assert (store.stat().users, store.stat().items) == (2, 2)
    store.replace("anna", [])
    assert len(store.get("anna")) == 0
    store.append("anna", [make_item("a")])
    assert store.get("anna").item_ids == ("a",)


def test_scan_gives_back_all_that_was_stored(store):
    items = [make_item("b", day=2, output="comedy", text="What a joke."), make_item("a", day=1)]
    store.append("anna", items)
    store.append("bert", [make_item("a")])
    found = scan_all(store)
    assert list(found) == sorted(found, key=lambda user: shard_of(user, store.num_shards))
    assert [item.item_id for item in found["anna"]] == ["a", "b"]
    last = found["anna"][1]
    assert (last.content_hash, last.time) == (hash_text("text of b"), datetime(2024, 1, 2))
    assert (last.output, last.text) == ("comedy", "What a joke.")
    assert last.vector.tolist() == [0.5, -1.0]
    assert (found["anna"][0].output, found["anna"][0].text) == (None, None)


def test_scan_reads_page_after_page(store):
    users = [(f"user{number:03}", [make_item("a", [number, 0])]) for number in range(900)]
    publish(store, users)
    store.append("user000", [make_item(f"more{number}") for number in range(600)])
    assert sum(1 for _ in store.scan(0)) > 256  # more than one page
    found = scan_all(store)
    assert found.keys() == {user for user, _ in users}
    assert len(found["user000"]) == 601
    assert found["user899"][0].vector.tolist() == [899, 0]


def test_scan_goes_on_while_users_are_forgotten_and_added(open_store):
    store = open_store(num_shards=1)
    for user_id in ("anna", "bert", "carl"):
        store.append(user_id, [make_item("a")])
    scanned = store.scan(0)
    first, _ = next(scanned)
    second, third = {"anna", "bert", "carl"} - {first}
    store.forget(second)
    assert [user_id for user_id, _ in scanned] == [third]


def test_stat_counts_users_items_and_bytes(store):
    stat = store.stat()
    assert (stat.users, stat.items, stat.generation) == (0, 0, 1)
    store.append("anna", [make_item("a"), make_item("b")])
    publish(store, scan_all(store).items())
    for number in range(200):
        store.append("bert", [make_item(f"item{number}")])
    grown = store.stat()
    assert (grown.users, grown.items, grown.fingerprint) == (2, 202, "minilm-1")
    assert grown.generation == 2
    assert grown.size_bytes > stat.size_bytes + 200 * 100


def test_tenants_share_the_tables_and_see_nothing_of_each_other(store, open_store):
    store.append("anna", [make_item("a")])
    other = open_store(tenant="other")
    assert len(other.get("anna")) == 0
    other.append("anna", [make_item("a", [7, 7]), make_item("b")])
    assert other.stat().items == 2
    assert list(scan_all(other)) == ["anna"]
    assert sum(deletion.rows for deletion in other.forget("anna").deletions) == 2
    assert store.get("anna").vectors.tolist() == [[0.5, -1.0]]


def test_encoders_share_the_tables_and_see_nothing_of_each_other(store, open_store):
    store.append("anna", [make_item("a")])
    other = open_store(fingerprint="minilm-2", dim=3)
    assert len(other.get("anna")) == 0
    other.append("anna", [make_item("a", [1, 2, 3])])
    assert store.get("anna").vectors.tolist() == [[0.5, -1.0]]
    assert [deletion.rows for deletion in store.forget("anna").deletions] == [1, 1]
    assert len(other.get("anna")) == 0


def test_reader_finds_out_that_something_is_mistyped(store, open_store, place, custody):
    message = r"nothing under fingerprint 'minilm-2', only under \['minilm-1'\]"
    with pytest.raises(ValueError, match=message):
        open_store(fingerprint="minilm-2", create=False)
    with pytest.raises(ValueError, match="tenant 'tests' has nothing"):
        open_store(tenant="tests", create=False)
    with pytest.raises(ValueError, match=r"'minilm-1' have dim 2, but it is opened with dim 3"):
        open_store(dim=3, tenant="other")
    with pytest.raises(ValueError, match="dim is 0"):
        open_store(dim=0)
    with pytest.raises(ValueError, match="fingerprint is ''"):
        open_store(fingerprint="")
    with pytest.raises(ValueError, match="tenant is ' '"):
        open_store(tenant=" ")
    assert open_store(num_shards=5, create=False).num_shards == 3


def test_another_key_of_user_hashes_is_refused(store, place, tmp_path):
    from components.personas.custody import open_custody

    other = open_custody(tmp_path / "custody", b"another")
    with pytest.raises(ValueError, match="made under another key of user hashes"):
        PersonaStore.open(place, other, "minilm-1", 2)


def test_another_custody_is_refused(store, place, tmp_path):
    """Its keys would open nothing; and who is erased there would not be erased."""
    from components.personas.custody import open_custody
    from components.personas.forget import forget_user

    other = open_custody(tmp_path / "mistyped", b"of the tests")
    with pytest.raises(ValueError, match="was made with the keys of another custody"):
        PersonaStore.open(place, other, "minilm-1", 2, create=False)
    with pytest.raises(ValueError, match="was made with the keys of another custody"):
        forget_user(str(place), other, "default", "anna", tmp_path / "tombstones.parquet")
    assert other.receipts.read() == []
    other.keys.close()


def test_closed_store_says_so(store):
    store.close()
    with pytest.raises(ValueError, match="is closed"):
        store.get("anna")


def test_another_store_reads_what_was_just_appended(store, open_store):
    reader = open_store(create=False)
    store.append("anna", [make_item("a")])
    assert reader.get("anna").item_ids == ("a",)
    store.append("anna", [make_item("b")])
    assert reader.get("anna").item_ids == ("a", "b")


def test_a_reader_does_not_wait_for_a_writer(store, open_store):
    store.append("anna", [make_item("a")])
    with store._namespace.database.write(shard_of("anna", store.num_shards)):
        assert open_store(create=False).get("anna").item_ids == ("a",)


def test_forked_process_uses_connections_of_its_own(store):
    store.append("anna", [make_item("a")])

    def read_and_append():
        assert store.get("anna").item_ids == ("a",)
        store.append("anna", [make_item("b")])

    process = multiprocessing.get_context("fork").Process(target=read_and_append)
    process.start()
    process.join()
    assert process.exitcode == 0
    assert store.get("anna").item_ids == ("a", "b")


def test_a_reader_imports_nothing_that_a_server_must_not():
    code = (
        "import sys, components.personas.store\n"
        "names = {'datasets', 'pandas', 'pyarrow', 'torch', 'components.histories.tables'}\n"
        "sys.exit(' '.join(names & sys.modules.keys()))"
    )
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.stderr == "\n"
