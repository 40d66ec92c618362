"""A shard is finished when its rows are what came in, and an erasure stays accounted for."""

import pytest
from pydantic import ValidationError

from components.personas.ledger import HASH_SPACE, ShardCounts, ShardTally
from tests.components.personas.items import make_item, publish, scan_all, write


def make_counts(**changes):
    return ShardCounts(
        **{"items_in": 0, "carried": 0, "refused": 0, "encoded": 0, "seconds": 0, **changes}
    )


@pytest.fixture
def store(open_store):
    return open_store(num_shards=1)


def sum_hashes(store, *owned):
    hashes = store._namespace.hashes
    numbers = [hashes.item(hashes.user(user), item) for user, item in owned]
    return sum(int.from_bytes(number, "big") for number in numbers) % HASH_SPACE


def test_a_tally_says_what_became_of_every_item(store):
    store.forget("cora")
    generation = store.generations.begin(store.watermarks())
    personas = {
        "anna": [make_item("a"), make_item("b")],
        "bert": [make_item("a")],
        "cora": [make_item("a"), make_item("b"), make_item("c")],
    }
    assert store.write_base(generation, personas.items()) == {"cora"}
    expected = [(user, [item.item_id for item in items]) for user, items in personas.items()]
    counts = make_counts(items_in=7, carried=1, refused=2, encoded=5, seconds=1.5)
    tally = store.finish_shard(generation, 0, expected, counts)
    assert tally == store.generations.tallies(generation)[0]
    assert (tally.shard, tally.users, tally.stored, tally.erased) == (0, 2, 3, 3)
    assert (tally.items_in, tally.carried, tally.refused, tally.encoded) == (7, 1, 2, 5)
    sums = sum_hashes(store, ("anna", "a"), ("anna", "b"), ("bert", "a"))
    assert int(tally.checksum, 16) == sums


def test_rows_that_lack_or_are_too_many_are_an_error(store):
    generation = store.generations.begin(store.watermarks())
    store.write_base(generation, [("anna", [make_item("a"), make_item("b")])])
    for expected in (
        [("anna", ["a", "b", "c"])],
        [("anna", ["a", "c"])],
        [("anna", ["a", "b"]), ("bert", ["a"])],
    ):
        counts = make_counts(items_in=sum(len(items) for _, items in expected))
        with pytest.raises(ValueError, match=r"rows, not the \d that were to be written"):
            store.finish_shard(generation, 0, expected, counts)
    with pytest.raises(ValidationError, match=r"3 items came in .* but 2 are stored, 0 refused"):
        store.finish_shard(generation, 0, [("anna", ["a", "b"])], make_counts(items_in=3))
    with pytest.raises(ValueError, match=r"generation 2: shards \[0\] are not finished"):
        store.generations.publish(generation)
    assert len(store.get("anna")) == 0


def test_what_an_earlier_try_left_of_others_goes(store):
    generation = store.generations.begin(store.watermarks())
    store.write_base(generation, [("anna", [make_item("a")]), ("bert", [make_item("b")])])
    store.finish_shard(generation, 0, [("anna", ["a"])], make_counts(items_in=1))
    store.generations.publish(generation)
    assert scan_all(store).keys() == {"anna"}


def test_an_erasure_after_a_shard_was_finished_is_taken_out_of_its_tally(store):
    publish(store, [("anna", [make_item("a")]), ("bert", [make_item("b"), make_item("c")])])
    building, _ = write(store, scan_all(store).items())
    store.append("bert", [make_item("d")])
    store.forget("bert")
    for generation in (2, building):
        [tally] = store.generations.tallies(generation)
        assert (tally.users, tally.stored, tally.erased, tally.items_in) == (1, 1, 2, 3)
        assert int(tally.checksum, 16) == sum_hashes(store, ("anna", "a"))
    assert store.generations.publish(building)
    assert scan_all(store).keys() == {"anna"}


def test_tallies_of_old_generations_go_with_them(store):
    for _ in range(3):
        publish(store, [("anna", [make_item("a")])])
    assert [len(store.generations.tallies(number)) for number in (2, 3, 4)] == [0, 1, 1]


def test_a_tally_that_does_not_add_up_is_none():
    with pytest.raises(ValidationError, match="shard 2: 1 items came in and 0 were carried over"):
        ShardTally(
            shard=2, users=0, erased=0, stored=0, checksum="0", **make_counts(items_in=1).__dict__
        )
