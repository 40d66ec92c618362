"""Whose questions trained a model: to be found with the key, and not to be read without it."""

import hashlib
import hmac
import stat

import numpy as np
import pyarrow.parquet as pq
import pytest

from components.histories.tables import write_histories
from components.lineage.trained_users import (
    KEY_VARIABLE,
    hash_user,
    load_key,
    read_tuning_users,
    write_trained_users,
)
from components.llm.config import LLMConfig
from components.llm.prepare import is_tuning_user
from tests.components.tiny_world import LLM


@pytest.fixture(autouse=True)
def _without_a_key_of_the_environment(monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


def test_hashes_are_keyed():
    assert hash_user("anna", b"k") == hmac.new(b"k", b"anna", hashlib.sha256).hexdigest()
    assert len({hash_user(user, key) for user in ("anna", "bert") for key in (b"k", b"l")}) == 4
    assert hash_user("anna", b"k") != hashlib.sha256(b"anna").hexdigest()


def test_every_train_user_stands_once_with_what_was_trained(artifacts, tmp_path):
    path = write_trained_users(artifacts.histories, LLM, b"k", tmp_path / "users.parquet")
    found = pq.read_table(path).to_pylist()
    questions = artifacts.histories.questions
    users = np.unique(np.asarray(questions["user_id"])[np.asarray(questions["split"]) == "train"])
    expected = {
        hash_user(user, b"k"): "llm" if is_tuning_user(user, 0.5) else "user_embedder"
        for user in users
    }
    assert {row["user_hash"]: row["trained"] for row in found} == expected
    assert len(found) == len(expected)
    assert set(expected.values()) == {"llm", "user_embedder"}
    hashes = [row["user_hash"] for row in found]
    assert hashes == sorted(hashes)  # their order gives nothing away
    assert not any(user.encode() in path.read_bytes() for user in users)
    other = write_trained_users(artifacts.histories, LLM, b"l", tmp_path / "other.parquet")
    assert not set(hashes) & set(pq.read_table(other)["user_hash"].to_pylist())


def test_a_kept_llms_users_are_those_that_tuned_it(artifacts, tmp_path):
    before = write_trained_users(artifacts.histories, LLM, b"k", tmp_path / "before.parquet")
    questions, one_left = artifacts.histories.questions, tmp_path / "one_left"
    gone = next(user for user in questions["user_id"] if is_tuning_user(user, 0.5))
    kept = questions.filter(lambda row: row["user_id"] != gone)
    today = write_histories(one_left, artifacts.histories.items, kept)

    path = write_trained_users(today, LLM, b"k", tmp_path / "today.parquet", before)
    rows = pq.read_table(path).to_pylist()
    tuned = {row["user_hash"] for row in rows if row["trained"] == "llm"}
    assert hash_user(gone, b"k") in tuned
    assert tuned == set(read_tuning_users(before))
    assert rows == pq.read_table(before).to_pylist()  # the others are as they were


def test_a_ready_llm_was_trained_by_nobody(artifacts, tmp_path):
    llm = LLMConfig(name="org/llm", revision="abc")
    path = write_trained_users(artifacts.histories, llm, b"k", tmp_path / "users.parquet")
    assert set(pq.read_table(path)["trained"].to_pylist()) == {"user_embedder"}


def test_a_key_is_made_once_and_is_the_owners_alone(tmp_path):
    path = tmp_path / "deep" / "key"
    key = load_key(path)
    assert load_key(path) == key
    assert len(key) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_key(tmp_path / "other") != key


def test_the_environments_key_comes_first(tmp_path, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "secret")
    assert load_key(tmp_path / "key") == b"secret"
    assert not (tmp_path / "key").exists()
