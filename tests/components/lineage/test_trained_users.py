"""Whose questions trained a model: to be found with the key, and not to be read without it."""

import numpy as np
import pyarrow.parquet as pq

from components.histories.tables import write_histories
from components.lineage.trained_users import read_tuning_users, write_trained_users
from components.llm.config import LLMConfig
from components.llm.prepare import is_tuning_user
from components.user_hash import hash_user
from tests.components.tiny_world import LLM


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
