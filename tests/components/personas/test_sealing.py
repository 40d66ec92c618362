"""Rows: sealed, opened by the right key at the right place only, and checked before."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from cryptography.exceptions import InvalidTag

from components.personas.persona import PersonaItem, hash_text
from components.personas.sealing import Sealer, make_context, order_by_age, to_matrix

ABC_SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
PLACE = (b"item-hash", 2, 7)
CONTEXT = make_context("default", "minilm-1") + b"anna"


def make_item(item_id="a", vector=(0.5, -1.0), dtype=np.float32, **fields):
    fields = {"content_hash": ABC_SHA256, **fields}
    return PersonaItem(item_id, np.array(vector, dtype), **fields)


def seal(item, key=b"k" * 32, context=CONTEXT, place=PLACE):
    row = to_matrix("anna", [item], dim=2)[0]
    return (*place, *Sealer(key, context).seal("anna", item, row, place))


def test_an_item_comes_back_as_it_was():
    item = make_item("ä", time=datetime(2024, 1, 2, 3, 4, 5, 6), output="comedy", text="Ha!")
    user_id, (found,) = Sealer(b"k" * 32, CONTEXT).open_items([seal(item)], dim=2)
    assert (user_id, found.item_id, found.time) == ("anna", "ä", item.time)
    assert (found.content_hash, found.output, found.text) == (ABC_SHA256, "comedy", "Ha!")
    assert found.vector.tobytes() == b"\x00\x38\x00\xbc"  # 0.5 is 0x3800, -1 is 0xBC00


def test_equal_items_are_sealed_differently_each_time():
    first, second = seal(make_item()), seal(make_item())
    assert first[3] != second[3]
    assert first[4] != second[4]


@pytest.mark.parametrize(
    ("key", "context", "place"),
    [
        (b"l" * 32, CONTEXT, PLACE),
        (b"k" * 32, make_context("other", "minilm-1") + b"anna", PLACE),
        (b"k" * 32, make_context("default", "minilm-2") + b"anna", PLACE),
        (b"k" * 32, make_context("default", "minilm-1") + b"bert", PLACE),
        (b"k" * 32, CONTEXT, (b"hash-item", 2, 7)),
        (b"k" * 32, CONTEXT, (b"item-hash", 3, 7)),
        (b"k" * 32, CONTEXT, (b"item-hash", 2, 8)),
    ],
    ids=["key", "tenant", "fingerprint", "user", "item", "generation", "sequence"],
)
def test_another_key_or_place_does_not_open(key, context, place):
    row = (*place, *seal(make_item())[3:])
    with pytest.raises(InvalidTag):
        Sealer(key, context).open_persona([row], dim=2)


def test_the_parts_do_not_stand_for_each_other():
    row = seal(make_item())
    with pytest.raises(InvalidTag):
        Sealer(b"k" * 32, CONTEXT).open_persona([(*PLACE, row[4])], dim=2)


@pytest.mark.parametrize(
    ("time", "stored"),
    [
        (None, None),
        (datetime(1969, 12, 31, 23, 59, 59), datetime(1969, 12, 31, 23, 59, 59)),
        (datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), datetime(1970, 1, 1, 0, 0, 1)),
        (datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), datetime(1970, 1, 1)),
        (datetime(9999, 12, 31, 23, 59, 59, 999999), datetime(9999, 12, 31, 23, 59, 59, 999999)),
    ],
)
def test_time_is_utc_whatever_its_zone(time, stored):
    row = seal(make_item(time=time))
    assert Sealer(b"k" * 32, CONTEXT).open_persona([row], dim=2).times == (stored,)


def test_age_orders_untimed_first_and_keeps_the_order_of_equals():
    times = [datetime(2024, 1, 2), None, datetime(2024, 1, 1), None, datetime(2024, 1, 1)]
    assert order_by_age(times) == [1, 3, 2, 4, 0]


def test_hash_text_is_the_sha256_of_its_utf8():
    assert hash_text("abc") == ABC_SHA256


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        (make_item("b", [0.5, np.nan]), "NaN or infinite"),
        (make_item("b", [np.inf, 0.5]), "NaN or infinite"),
        (make_item("b", [70_000.0, 0.5]), "NaN or infinite"),  # float16 ends at 65504
        (make_item("b", [0.5]), r"float32 of shape \(1,\), allowed .* \(2,\)"),
        (make_item("b", [[0.5, 0.5]]), r"shape \(1, 2\)"),
        (make_item("b", [1, 2], np.int64), "int64"),
        (make_item("b", content_hash="abc"), "'abc', expected a sha256"),
        (make_item("b", content_hash="00" * 31), "expected a sha256"),
        (make_item("a"), "comes twice"),
    ],
)
def test_bad_item_is_refused_by_user_and_item(item, problem):
    with pytest.raises(ValueError, match=rf"^user 'anna', item '{item.item_id}': .*{problem}"):
        to_matrix("anna", [make_item(), item], dim=2)


def test_blank_item_id_is_refused():
    with pytest.raises(ValueError, match="user 'anna', item_id is ''"):
        to_matrix("anna", [make_item("")], dim=2)


def test_repr_shows_neither_vector_nor_output_nor_text():
    text = repr(make_item(vector=[0.125, 0.25], output="horror", text="a ghost"))
    assert "0.125" not in text
    assert "horror" not in text
    assert "ghost" not in text
