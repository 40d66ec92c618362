"""Whose questions trained a model, as keyed hashes: enough to find a user, not to list any."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.histories.tables import Histories
from components.llm.config import LLMConfig
from components.llm.prepare import split_train_rows

KEY_VARIABLE = "PERSONA_PLUG_USER_HASH_KEY"
SCHEMA = pa.schema({"user_hash": pa.string(), "trained": pa.string()})


def hash_user(user_id: str, key: bytes) -> str:
    """Return the HMAC-SHA256 of a user's id, as hexadecimal digits."""
    return hmac.new(key, user_id.encode(), hashlib.sha256).hexdigest()


def load_key(path: Path) -> bytes:
    """Return the key of the user hashes: from the environment, or a file made at first use.

    Args:
        path: The key file, readable by its owner only; used where `PERSONA_PLUG_USER_HASH_KEY`
            is not set.
    """
    if key := os.environ.get(KEY_VARIABLE):
        return key.encode()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
    return path.read_text("ascii").strip().encode()


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
