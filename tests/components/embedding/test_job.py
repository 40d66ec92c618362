"""What a batch stores, what it encodes, and what it leaves as it is."""

import json

import numpy as np
import pytest

from components.embedding.config import EmbeddingConfig
from components.embedding.job import plan_passes
from components.personas.identifiers import shard_of
from components.personas.persona import hash_text
from components.tasks.lamp import LAMP_3
from tests.components.embedding.conftest import hash_vectors, make_row, make_rows
from tests.components.personas.items import make_item, scan_all


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def ids_of(store):
    return {user: [item.item_id for item in items] for user, items in scan_all(store).items()}


def test_every_user_gets_her_items_vectors_and_texts(store, fill, encoder, tmp_path):
    rows = [
        make_row("anna", "b", "so so", "3", time=20),
        make_row("bert", "a", "bad", "1"),
        make_row("anna", "a", "great", "5", time=10),
    ]
    receipt = fill(rows)
    assert receipt.outcome == "published"
    assert receipt.reason == (
        "Generation 2 is served: 3 items of 2 users, 3 of them with new vectors; 0 were refused, "
        "0 are of erased users."
    )
    assert (receipt.shards, receipt.generation) == ((0, 1, 2), 2)
    [first, second] = scan_all(store)["anna"]
    assert (first.item_id, first.text, first.output, first.is_appended) == (
        "a",
        "great",
        "5",
        False,
    )
    assert first.content_hash == hash_text("score: 5 review: great")
    assert second.time.timestamp() > first.time.timestamp()
    assert sorted(encoder.texts) == [
        "score: 1 review: bad",
        "score: 3 review: so so",
        "score: 5 review: great",
    ]
    text = type("Item", (), {"text": "score: 1 review: bad"})
    expected = hash_vectors([text]).astype(np.float16)
    np.testing.assert_array_equal(store.get("bert").vectors, expected)
    [written] = read_lines(tmp_path / "output" / "receipt-000002-0000.jsonl")
    assert {**written, "seconds": 0} == {**receipt.model_dump(mode="json"), "seconds": 0}
    assert read_lines(tmp_path / "output" / str(receipt.dead_letters)) == []


def test_a_second_run_encodes_nothing_and_leaves_the_generation(store, fill, encoder):
    rows = make_rows(5)
    assert fill(rows).encoded == 15
    again = fill(rows)
    assert (again.outcome, again.generation, encoder.texts) == ("already_served", 2, [])
    named = fill(rows, name="tuesday")
    assert (named.outcome, named.generation, named.stored) == ("published", 3, 15)
    assert (named.encoded, encoder.texts) == (0, [])
    assert fill(rows, name="tuesday").outcome == "already_served"


def test_only_what_changed_is_encoded(store, fill, encoder):
    rows = make_rows(4)
    before = fill(rows)
    vectors = store.get("user1").vectors
    changed = [dict(row) for row in rows[:-1]]  # the last one's last item is gone
    changed[0]["input"] = "another text"
    changed[4]["time"] += 1_000_000  # user1's item1: no other text
    after = fill(changed)
    assert encoder.texts == ["score: 1 review: another text"]
    assert (after.encoded, after.stored, after.items_in) == (1, 11, 11)
    assert after.checksum != before.checksum
    assert store.get("user1").item_ids == ("item0", "item2", "item1")
    np.testing.assert_array_equal(store.get("user1").vectors, vectors[[0, 2, 1]])
    assert store.get("user3").item_ids == ("item0", "item1")
    store.generations.roll_back()
    assert store.get("user3").item_ids == ("item0", "item1", "item2")


def test_a_partial_table_takes_nothing_away(store, fill):
    fill(make_rows(4))
    receipt = fill([make_row("user1", "item9", "new", "2")], is_complete=False)
    assert (receipt.items_in, receipt.carried, receipt.stored, receipt.encoded) == (1, 12, 13, 1)
    assert store.get("user1").item_ids == ("item0", "item1", "item2", "item9")
    assert store.get("user3").item_ids == ("item0", "item1", "item2")
    receipt = fill([make_row("user1", "item9", "new", "2")])
    assert (receipt.stored, ids_of(store)) == (1, {"user1": ["item9"]})


def test_what_serving_appended_stays_whatever_the_tables_say(store, fill, encoder):
    fill(make_rows(2))
    store.append("user0", [make_item("said", text="said", output="5")])
    store.append("new", [make_item("only", text="only", output="5")])
    for source in ("the log", "the base"):
        receipt = fill(make_rows(1), name=f"carried from {source}")
        assert (receipt.carried, receipt.encoded, encoder.texts) == (2, 0, [])
        items = ["said", "item0", "item1", "item2"]
        assert ids_of(store) == {"user0": items, "new": ["only"]}
    [item, *_] = scan_all(store)["user0"]
    assert (item.item_id, item.text, item.is_appended) == ("said", "said", True)
    taken_in = [*make_rows(1), make_row("user0", "said", "said", "5", time=None)]
    assert fill(taken_in).encoded == 1  # another text than the one that was appended
    assert ids_of(store)["user0"] == ["said", "item0", "item1", "item2"]


def test_processes_share_a_generation_and_the_last_one_publishes(store, open_store, fill):
    rows = make_rows(12)
    alone = fill(rows, into=open_store(tenant="alone"))
    job = {"num_processes": 3, "name": "tuesday"}
    outcomes = [fill(rows, index=index, **job) for index in (1, 2, 0)]
    assert [one.outcome for one in outcomes] == ["shards_finished", "shards_finished", "published"]
    assert outcomes[0].reason == ("1 shards of generation 2 are finished; 2 are still to come.")
    assert len({one.generation for one in outcomes}) == 1
    assert outcomes[-1].stored == alone.stored == 36
    before = ids_of(store)
    assert fill(rows, index=1, **job).outcome == "already_served"
    assert ids_of(store) == before
    with pytest.raises(ValueError, match="process 3 of 3: allowed are 1 to 3 processes"):
        fill(rows, index=3, **job)
    with pytest.raises(ValueError, match="process 0 of 4: allowed are 1 to 3 processes"):
        fill(rows, index=0, num_processes=4, name="tuesday")
    with pytest.raises(ValueError, match="several processes need the name of their run"):
        fill(rows, index=0, num_processes=3)


def test_a_batch_goes_on_where_it_was_broken_off(open_store, fill, encoder):
    store = open_store(num_shards=3)
    rows = make_rows(12)
    calls = []

    def break_off(items):
        calls.append(len(items))
        if len(calls) == 4:
            raise RuntimeError("killed")
        return hash_vectors(items)

    with pytest.raises(RuntimeError, match="killed"):
        fill(rows, break_off)
    assert store.stat().users == 0
    receipt = fill(rows)
    assert len(encoder.texts) == 36 - sum(calls[:3])
    assert (receipt.outcome, receipt.generation, receipt.stored) == ("published", 2, 36)


def test_an_erased_user_makes_no_batch_be_encoded_twice(store, fill, encoder):
    users = [f"user{number}" for number in range(30) if shard_of(f"user{number}", 3) == 0][:3]
    rows = [make_row(user, "a", f"said by {user}") for user in users]
    store.forget(users[0])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(store), "finish_shard", lambda *arguments: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fill(rows)
    assert len(encoder.texts) == 2
    receipt = fill(rows)
    assert (receipt.encoded, receipt.erased, receipt.stored, encoder.texts) == (0, 1, 2, [])


def test_other_inputs_begin_another_generation(store, fill):
    with pytest.raises(RuntimeError):
        fill(make_rows(3), lambda items: (_ for _ in ()).throw(RuntimeError))
    assert fill(make_rows(2)).generation == 3
    assert ids_of(store).keys() == {"user0", "user1"}


def test_processes_of_a_job_that_read_other_inputs_are_told(store, fill):
    job = {"num_processes": 3, "name": "tuesday"}
    fill(make_rows(3), index=0, **job)
    with pytest.raises(ValueError, match="job tuesday: generation 2 was begun with other inputs"):
        fill(make_rows(4), index=1, **job)


def test_a_late_try_of_an_earlier_job_changes_nothing(store, fill):
    fill(make_rows(1), name="tuesday")
    fill(make_rows(2), name="wednesday")
    assert fill(make_rows(1), name="tuesday").outcome == "already_served"
    assert ids_of(store).keys() == {"user0", "user1"}


def test_a_job_that_another_one_overtook_publishes_nothing(store, fill, encoder):
    """It would take the other one's items back, which it has not seen."""

    def let_another_finish(items):
        fill([make_row("user9", "new")], encoder, name="fast", is_complete=False)
        return hash_vectors(items)

    with pytest.raises(ValueError, match="generation 2 is not being built: 3 is served"):
        fill(make_rows(3), let_another_finish, name="slow")
    assert ids_of(store).keys() == {"user9"}
    assert fill(make_rows(3), name="slow again", is_complete=False).stored == 10


def test_after_going_back_a_job_makes_its_generation_anew(store, fill, encoder):
    """With vectors that were bad, and the encoder mended."""
    fill(make_rows(1))
    bad = fill(make_rows(2), lambda items: 0 * hash_vectors(items))
    store.generations.roll_back()
    good = fill(make_rows(2))
    assert (good.outcome, good.generation) == ("published", bad.generation + 1)
    assert store.get("user1").vectors.any(axis=1).all()


def test_another_template_of_the_same_items_is_another_input(store, fill, encoder):
    row = make_row("anna", "a", score=None)
    fill([row])
    changed = LAMP_3.model_copy(update={"plain_history_template": "said: {text}"})
    assert fill([row], task=changed).encoded == 1
    assert encoder.texts == ["said: fine"]


def test_nothing_comes_back_of_who_is_erased_and_readmitted_while_a_batch_runs(store, fill):
    store.append("user1", [make_item("secret", text="before the erasure", output="1")])

    def forget_and_readmit(items):
        store.forget("user1")
        store.readmit("user1")
        return hash_vectors(items)

    config = EmbeddingConfig(items_per_batch=1000)
    receipt = fill(make_rows(4), forget_and_readmit, config=config)
    assert "secret" not in {item for items in ids_of(store).values() for item in items}
    assert receipt.outcome == "published"
    assert fill(make_rows(4), name="next").stored == 12


def test_a_process_that_was_killed_before_pruning_is_followed_by_one_that_does(
    store, fill, monkeypatch
):
    fill(make_rows(1))
    fill(make_rows(2))
    with monkeypatch.context() as patched:
        patched.setattr(type(store.generations), "prune", lambda self: None)
        fill(make_rows(3))
    assert store.generations.tallies(2)
    assert fill(make_rows(3)).outcome == "already_served"
    assert store.generations.tallies(2) == []
    assert store.generations.tallies(3)


def test_an_exports_appended_items_stay_appended(store, open_store, fill):
    row = make_row("anna", "said", time=10) | {"is_appended": True}
    new = open_store(fingerprint="minilm-2")
    fill([row, make_row("anna", "a")], into=new)
    assert fill([make_row("anna", "a")], into=new).carried == 1
    assert ids_of(new) == {"anna": ["said", "a"]}


def test_an_erased_user_is_neither_encoded_nor_published(store, fill, encoder):
    store.forget("user1")
    receipt = fill(make_rows(3))
    assert (receipt.items_in, receipt.stored, receipt.erased, receipt.users) == (9, 6, 3, 2)
    assert len(encoder.texts) == 6
    store.readmit("user1")
    assert fill(make_rows(3)).stored == 9


@pytest.mark.parametrize("moment", [1, 2, 3])
def test_a_user_who_is_erased_while_a_batch_runs_is_not_published(store, fill, moment):
    calls = []

    def forget_beside(items):
        calls.append(len(items))
        if len(calls) == moment:
            store.forget("user1")
        return hash_vectors(items)

    receipt = fill(make_rows(4), forget_beside)
    assert (receipt.outcome, receipt.stored, receipt.erased) == ("published", 9, 3)
    assert ids_of(store).keys() == {"user0", "user2", "user3"}


def test_a_user_who_is_replaced_between_two_tries_holds_nobody_up(store, fill):
    store.append("user0", [make_item("old")])
    store.append("other", [make_item("old")])
    with pytest.raises(RuntimeError):
        fill(make_rows(1), lambda items: (_ for _ in ()).throw(RuntimeError))
    for user in ("user0", "other"):
        store.replace(user, [make_item("new")])
    assert fill(make_rows(1)).stored == 3
    assert ids_of(store) == {"user0": ["new"], "other": ["new"]}  # younger than the batch


def test_refused_items_are_named_and_the_rest_is_stored(store, fill, encoder, tmp_path):
    rows = [
        make_row("anna", "a"),
        make_row(None, "b"),
        make_row("anna", "  "),
        make_row("anna", "c", review=None),
        make_row("anna", "d", score=None),
        make_row("anna", "a", review="again"),
        make_row("an\0na", "e"),
        make_row("bert", "a"),
        make_row("bert", "b", time=1_700_000_000_000),
    ]
    config = EmbeddingConfig(max_refused_share=0.75)
    receipt = fill(rows, config=config)
    assert (receipt.items_in, receipt.refused, receipt.stored) == (9, 6, 3)
    letters = read_lines(tmp_path / "output" / "dead_letters-000002-0000.jsonl")
    found = {letter["row"]: (letter["field"], letter["reason"]) for letter in letters}
    assert found == {
        2: ("user_id", "is blank"),
        3: ("item_id", "is blank"),
        4: ("input", "has no value"),
        6: ("item_id", "the user has an item of this id in an earlier row"),
        7: ("user_id", "has a zero byte"),
        9: ("time", "is beyond the years 1 to 9999; are these seconds?"),
    }
    assert {letter["file"] for letter in letters} == {str(tmp_path / "items.parquet")}
    assert ids_of(store) == {"anna": ["a", "d"], "bert": ["a"]}
    assert "review: fine" in encoder.texts  # without a score


def test_an_item_that_no_template_can_show_without_its_output_is_refused(store, fill, tmp_path):
    task = LAMP_3.model_copy(update={"plain_history_template": None})
    fill([make_row("anna", "a"), make_row("anna", "b", score=None)], task=task)
    [letter] = read_lines(tmp_path / "output" / "dead_letters-000002-0000.jsonl")
    assert (letter["row"], letter["field"]) == (2, "output")
    assert letter["reason"] == "has no value, and every history template shows it"


def test_rows_without_a_user_are_spread_over_all_processes(store, fill):
    """Else one process alone would have too many of them."""
    rows = [make_row(None, "a") for _ in range(30)] + make_rows(30)
    config = EmbeddingConfig(max_refused_share=0.45)
    job = {"num_processes": 3, "name": "tuesday", "config": config}
    assert fill(rows, index=0, **job).refused == 10
    assert [fill(rows, index=index, **job).outcome for index in (1, 2)][-1] == "published"


def test_too_many_refusals_publish_nothing(store, fill, encoder, tmp_path):
    rows = [make_row("anna", "a"), make_row("bert", None)]
    config = EmbeddingConfig(max_refused_share=0.4)
    with pytest.raises(ValueError, match=r"1 of 2 items can't be stored.*row 2, field 'item_id'"):
        fill(rows, config=config)
    assert (store.stat().users, encoder.texts) == (0, [])
    assert len(read_lines(tmp_path / "output" / "dead_letters-000002-0000.jsonl")) == 1


def test_passes_hold_at_most_so_many_items():
    counts = np.array([3, 3, 9, 1, 2])
    assert list(plan_passes(range(5), counts, 6)) == [[0, 1], [2], [3, 4]]
    assert list(plan_passes([1, 3], counts, 1)) == [[1], [3]]
    assert list(plan_passes(range(5), counts, 18)) == [[0, 1, 2, 3, 4]]


def test_several_passes_store_the_same(open_store, fill):
    rows = make_rows(9)
    one = fill(rows, into=open_store(tenant="one"))
    many = fill(rows, into=open_store(tenant="many"), config=EmbeddingConfig(items_per_pass=1))
    assert (one.stored, one.users) == (many.stored, many.users) == (27, 9)
    assert ids_of(open_store(tenant="one")) == ids_of(open_store(tenant="many"))


def test_texts_are_left_out_if_they_are_not_to_be_kept(store, fill):
    fill(make_rows(1), keep_texts=False)
    assert {item.text for item in scan_all(store)["user0"]} == {None}
