"""Hashes in rows, and which shard has a user."""

import hashlib

import pytest

from components.personas.identifiers import RowHashes, check_id, shard_of


def test_the_shard_is_of_the_sha256():
    digest = hashlib.sha256(b"anna").hexdigest()
    assert digest[:16] == "55579b557896d0ce"
    assert shard_of("anna", 16) == 0xE  # the last of the first 16 digits
    assert shard_of("anna", 1) == 0
    counts = [0] * 4
    for number in range(4000):
        counts[shard_of(f"user{number}", 4)] += 1
    assert min(counts) > 900


def test_hashes_differ_by_key_tenant_user_and_item():
    hashes = RowHashes(b"k", "default")
    others = [RowHashes(b"l", "default"), RowHashes(b"k", "other")]
    anna = hashes.user("anna")
    assert len(anna) == 16
    assert anna == RowHashes(b"k", "default").user("anna")
    assert len({anna, hashes.user("bert"), *(other.user("anna") for other in others)}) == 4
    assert len({hashes.item(anna, "a"), hashes.item(anna, "b"), hashes.item(b"x" * 16, "a")}) == 3
    assert "k" not in repr(hashes).replace("key", "")


@pytest.mark.parametrize("bad", ["", " ", None, "a\0b"])
def test_bad_ids_are_refused(bad):
    with pytest.raises(ValueError, match="user_id is "):
        check_id("user_id", bad)
