from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from components.personas.persona import PersonaItem, hash_text
from components.personas.rows import to_rows

ABC_SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def make_item(item_id="a", vector=(0.5, -1.0), dtype=np.float32, **fields):
    fields = {"content_hash": ABC_SHA256, **fields}
    return PersonaItem(item_id, np.array(vector, dtype), **fields)


def test_row_holds_little_endian_float16_the_hash_and_microseconds():
    item = make_item(time=datetime(1970, 1, 2, 0, 0, 1), output="comedy")
    assert to_rows("anna", [item], dim=2) == [
        {
            "item_id": "a",
            "time_us": 86_401_000_000,
            "content_hash": bytes.fromhex(ABC_SHA256),
            "vector": b"\x00\x38\x00\xbc",  # 0.5 is 0x3800, -1 is 0xBC00
            "output": "comedy",
        }
    ]


def test_hash_text_is_the_sha256_of_its_utf8():
    assert hash_text("abc") == ABC_SHA256


@pytest.mark.parametrize(
    ("time", "time_us"),
    [
        (None, None),
        (datetime(1969, 12, 31, 23, 59, 59), -1_000_000),
        (datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), 1_000_000),
        (datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), 0),
    ],
)
def test_time_is_utc_whatever_its_zone(time, time_us):
    assert to_rows("anna", [make_item(time=time)], dim=2)[0]["time_us"] == time_us


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
        to_rows("anna", [make_item(), item], dim=2)


@pytest.mark.parametrize("blank", ["", " ", None])
def test_blank_ids_are_refused(blank):
    with pytest.raises(ValueError, match=f"user_id is {blank!r}"):
        to_rows(blank, [], dim=2)
    with pytest.raises(ValueError, match=f"user 'anna', item_id is {blank!r}"):
        to_rows("anna", [make_item(blank)], dim=2)


def test_repr_shows_neither_vector_nor_output():
    text = repr(make_item(vector=[0.125, 0.25], output="horror"))
    assert "0.125" not in text
    assert "horror" not in text
