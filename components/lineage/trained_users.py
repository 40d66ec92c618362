"""Whose questions trained a model, as keyed hashes: enough to find a user, not to list any."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.histories.tables import Histories
from components.llm.config import LLMConfig
from components.llm.prepare import split_train_rows
from components.user_hash import hash_user

SCHEMA = pa.schema({"user_hash": pa.string(), "trained": pa.string()})


def write_trained_users(
    histories: Histories, llm: LLMConfig, key: bytes, path: Path, tuning_record: Path | None = None
) -> Path:
    """Write a parquet row for every train user: her hash, and whether `llm` or `user_embedder`.

    Args:
        histories: Whose train questions trained the embedder, and a new LLM.
        llm: Decides which of them tune an LLM.
        key: Of the hashes.
        path: The file to write.
        tuning_record: What this function wrote when the LLM was tuned, if that was an earlier
            run: whose questions tuned it is said there, and not by today's histories.
    """
    users = np.asarray(histories.questions["user_id"])
    tuning_rows, training_rows = split_train_rows(histories.questions, llm)

    def hash_users(rows: np.ndarray) -> list[str]:
        return [hash_user(user, key) for user in np.unique(users[rows]).tolist()]

    tuned = hash_users(tuning_rows) if tuning_record is None else read_tuning_users(tuning_record)
    rows = [{"user_hash": user, "trained": "llm"} for user in tuned]
    rows += [{"user_hash": user, "trained": "user_embedder"} for user in hash_users(training_rows)]
    rows.sort(key=lambda row: row["user_hash"])
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path)
    return path


def read_tuning_users(path: Path) -> list[str]:
    """Return the hashes of those users whose questions tuned the LLM."""
    tuned = pq.read_table(path, filters=[("trained", "=", "llm")])
    hashes: list[str] = tuned["user_hash"].to_pylist()
    return hashes
