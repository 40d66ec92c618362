"""What is served after a batch, after going back, and while others append and replace."""

import threading

import pytest

from tests.components.personas.items import finish, make_item, publish, scan_all, write


def count_rows(store):
    """Count all rows of all generations, served or not."""
    from sqlalchemy import func, select

    from components.personas.engines import Query
    from components.personas.tables import ITEMS

    database = store._namespace.database
    rows = Query(select(func.count()).where(ITEMS.c.shard == 0))
    assert database.num_shards == 1
    return database.fetch(0, rows, {})[0][0]


def test_a_generation_is_seen_when_it_is_published_and_gone_when_taken_back(store):
    store.append("anna", [make_item("a", day=2)])
    personas = [("anna", [make_item("a", day=2)]), ("bert", [make_item("z")])]
    generation, _ = write(store, personas)
    assert len(store.get("bert")) == 0
    store.append("anna", [make_item("b", day=1)])  # after the watermark
    assert store.generations.publish(generation)
    assert not store.generations.publish(generation)  # it is served already
    assert store.get("anna").item_ids == ("b", "a")
    assert store.get("bert").item_ids == ("z",)
    store.append("anna", [make_item("c", day=3)])
    assert store.generations.roll_back() == 1
    assert store.get("anna").item_ids == ("b", "a", "c")
    assert len(store.get("bert")) == 0
    with pytest.raises(ValueError, match="generation 1 has none before it"):
        store.generations.roll_back()


def test_one_step_back_is_kept_and_no_more(open_store):
    store = open_store(num_shards=1)
    store.append("anna", [make_item("a")])
    for number in range(2, 5):
        assert publish(store, scan_all(store).items())[0] == number
        # This generation, the one before, and what was appended since that one's watermark.
        assert count_rows(store) == {2: 2, 3: 2, 4: 2}[number]
    assert store.get("anna").item_ids == ("a",)
    assert store.generations.roll_back() == 3
    assert store.get("anna").item_ids == ("a",)
    store.append("anna", [make_item("b")])
    assert publish(store, scan_all(store).items())[0] == 5
    assert count_rows(store) == 1 + 2 + 1  # 3 with "b" appended, and 5; 4 is gone
    assert store.generations.roll_back() == 3
    assert store.get("anna").item_ids == ("a", "b")


def test_a_batch_that_reads_too_much_shows_nothing_twice(store):
    watermarks = store.watermarks()
    store.append("anna", [make_item("a", day=2)])
    publish(store, scan_all(store).items(), watermarks)
    store.append("anna", [make_item("b", day=1)])
    assert store.get("anna").item_ids == ("b", "a")
    assert store.get("anna", max_items=1).item_ids == ("a",)
    assert [item.item_id for item in scan_all(store)["anna"]] == ["b", "a"]


def test_scan_stops_at_a_watermark(store):
    store.append("anna", [make_item("a")])
    watermarks = store.watermarks()
    store.append("anna", [make_item("b")])
    found = dict(
        user
        for shard, watermark in enumerate(watermarks)
        for user in store.scan(shard, up_to=watermark)
    )
    assert [item.item_id for item in found["anna"]] == ["a"]


def test_what_was_replaced_while_a_batch_ran_stays_replaced(store):
    store.append("anna", [make_item("old")])
    watermarks, read = store.watermarks(), scan_all(store)
    store.replace("anna", [make_item("new")])
    publish(store, read.items(), watermarks)
    assert store.get("anna").item_ids == ("new",)
    store.append("anna", [make_item("old")])  # an id that only the hidden base has
    assert store.get("anna").item_ids == ("new", "old")
    store.generations.roll_back()
    assert store.get("anna").item_ids == ("new", "old")
    publish(store, scan_all(store).items())
    assert store.get("anna").item_ids == ("new", "old")


def test_writing_twice_changes_nothing(open_store):
    store = open_store(num_shards=1)
    generation = store.generations.begin(store.watermarks())
    store.write_base(generation, [("anna", [make_item("a"), make_item("b")])])
    store.write_base(generation, [("anna", [make_item("a")])])
    with pytest.raises(ValueError, match="user 'anna' comes twice"):
        store.write_base(generation, [("anna", [make_item("a")]), ("anna", [make_item("b")])])
    finish(store, generation, {"anna": [make_item("a")]})
    store.generations.publish(generation)
    assert store.get("anna").item_ids == ("a",)
    assert count_rows(store) == 1


def test_only_what_is_being_built_is_written_and_published(store):
    watermarks = store.watermarks()
    with pytest.raises(ValueError, match="2 watermarks for 3 shards"):
        store.generations.begin(watermarks[:2])
    (first, _), (second, _) = write(store, []), write(store, [])
    assert (first, second) == (2, 3)
    store.generations.publish(second)
    for number in (first, 4):
        message = f"generation {number} is not being built: 3 is served, 3 was begun last"
        with pytest.raises(ValueError, match=message):
            store.write_base(number, [("anna", [make_item("a")])])
        with pytest.raises(ValueError, match=message):
            store.generations.publish(number)


def test_processes_of_one_job_build_one_generation(store, open_store):
    store.append("anna", [make_item("a")])
    generation = store.generations.begin(job="job 1")
    store.append("anna", [make_item("b")])
    other = open_store()
    assert other.generations.begin(job="job 1") == generation
    assert other.generations.watermarks(generation) == store.generations.watermarks(generation)
    assert sum(other.generations.watermarks(generation)) == 1  # not what the second one saw
    assert other.generations.begin(job="job 2") == generation + 1
    assert other.generations.begin() == generation + 2
    finish(store, generation, {})
    assert store.generations.publish(generation)
    assert store.generations.find("job 1") == generation
    assert store.generations.begin(job="job 1") == generation + 3


def test_a_generation_begun_on_another_one_than_is_served_is_refused(store):
    (slow, _), (fast, _) = write(store, []), write(store, [("anna", [make_item("a")])])
    later = store.generations.begin(job="later")
    finish(store, later, {})
    store.generations.publish(fast)
    message = f"generation {later} was begun while generation 1 was served; now it is {fast}"
    with pytest.raises(ValueError, match=message):
        store.generations.publish(later)
    with pytest.raises(ValueError, match="job later: generation 4 was begun while generation 1"):
        store.generations.begin(job="later")
    with pytest.raises(ValueError, match=f"generation {slow} is not being built"):
        store.generations.publish(slow)


class Appender(threading.Thread):
    """Appends to one user's history until told to stop, reading after each item."""

    def __init__(self, store, user, done):
        super().__init__()
        self.store, self.user, self.done = store, user, done
        self.appended, self.problems = [], []

    def run(self):
        while not self.done.is_set():
            item_id = f"{self.user}-{len(self.appended)}"
            self.store.append(self.user, [make_item(item_id)])
            self.appended.append(item_id)
            found = list(self.store.get(self.user, max_items=10_000).item_ids)
            if found != self.appended:
                self.problems.append((found, list(self.appended)))


def test_appends_survive_flips_and_steps_back_that_run_beside_them(store, open_store):
    done = threading.Event()
    threads = [Appender(store, f"user{number}", done) for number in range(4)]
    for thread in threads:
        thread.start()
    batch = open_store()
    for step in range(6):
        watermarks = batch.watermarks()
        read = {}
        for shard, watermark in enumerate(watermarks):
            read.update(batch.scan(shard, up_to=watermark))
        publish(batch, read.items(), watermarks)
        if step % 2:
            batch.generations.roll_back()
    done.set()
    for thread in threads:
        thread.join()
        assert thread.problems == []
        assert thread.appended
        assert list(store.get(thread.user, max_items=10_000).item_ids) == thread.appended


def test_a_rebuild_equals_what_was_appended(store):
    items = [make_item(f"item{number}", [number, 1 / 3], day=30 - number) for number in range(20)]
    for item in items:
        store.append("anna", [item])
    grown, contents = store.get("anna"), scan_all(store)["anna"]
    publish(store, [("anna", items)])
    rebuilt = store.get("anna")
    assert rebuilt.item_ids == grown.item_ids
    assert rebuilt.times == grown.times
    assert rebuilt.vectors.tobytes() == grown.vectors.tobytes()
    assert [item.content_hash for item in scan_all(store)["anna"]] == [
        item.content_hash for item in contents
    ]


def test_a_batch_knows_whom_serving_added_and_whom_it_has_written(store):
    publish(store, [("anna", [make_item("a")])])
    store.append("anna", [make_item("b")])
    watermarks = store.watermarks()
    store.append("anna", [make_item("c")])
    store.append("dora", [make_item("d", text="said", output="4")])
    shard = store._namespace.shard_of("anna")
    items = store.get_items("anna", up_to=watermarks[shard])
    assert [(item.item_id, item.is_appended) for item in items] == [("a", False), ("b", True)]
    assert [item.item_id for item in store.get_items("anna")] == ["a", "b", "c"]
    [item] = store.get_items("dora")
    assert (item.text, item.output, item.is_appended) == ("said", "4", True)
    assert store.get_items("nobody") == ()
    assert dict(store.scan(shard, skip=["anna"])).keys() == {"dora"} & set(
        dict(store.scan(shard)).keys()
    )
    generation = store.generations.begin(watermarks)
    store.write_base(generation, [("anna", items)])
    due = [("anna", ["a", "b"]), ("dora", ["d"])]
    assert store.find_written(generation, shard, due) == {"anna"}
    assert store.find_written(generation, shard, [("anna", ["a", "c"])]) == frozenset()
