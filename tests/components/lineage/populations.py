"""Populations of users who differ, with items that are alike within a user."""

import json
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from components.encoders.behavior_vectors import BehaviorVectors
from components.histories.tables import ITEM_SCHEMA, QUESTION_SCHEMA, write_histories
from components.tasks.task import Task

LABELS = Task(
    name="labels",
    kind="classification",
    labels=("a", "b", "c"),
    prompt="{payload}",
    input_field="text",
    history_template="{text}",
)


class Population(NamedTuple):
    """Items by user: whose, how long, of which label, with which vector."""

    users_N: np.ndarray
    lengths_N: np.ndarray
    labels_N: np.ndarray
    vectors_NE: np.ndarray


def draw_population(
    num_users, seed, more_items=0, longer=1.0, label_shift=0.0, vector_shift=0.0
) -> Population:
    """Draw users with 1 to 30 items, a usual length, favourite labels and a place each."""
    generator = np.random.default_rng(seed)
    users = np.repeat(
        np.arange(num_users),
        more_items + np.ceil(30 * generator.random(num_users) ** 3).astype(int),
    )
    usual = np.exp(generator.normal(4, 0.4, num_users))[users]
    lengths = longer * usual * np.exp(generator.normal(0, 0.3, len(users)))
    tastes = generator.dirichlet([2, 1, 1], num_users) * (1 - label_shift) + [0, 0, label_shift]
    labels = (generator.random((len(users), 1)) > tastes.cumsum(1)[users][:, :2]).sum(1)
    places = generator.normal(size=(num_users, 2))[users]
    vectors = places + generator.normal(size=(len(users), 2)) + [vector_shift, 0]
    return Population(users, lengths.astype(int) + 1, labels, vectors)


def write_population(directory, populations):
    """Write what `profile_data` reads, one population after the other."""
    users, lengths, labels, vectors = (
        np.concatenate(parts) for parts in zip(*populations, strict=True)
    )
    texts = ["x" * length for length in lengths]
    items = pa.table(
        {
            "user_id": [f"user-{user:05d}" for user in users],
            "item_id": [str(row) for row in range(len(users))],
            "time": pa.nulls(len(users), pa.timestamp("s")),
            "text": texts,
            "input": texts,
            "output": np.array(LABELS.labels)[labels],
        },
        schema=ITEM_SCHEMA,
    )
    histories = write_histories(directory / "tables", items, QUESTION_SCHEMA.empty_table())
    (directory / "vectors").mkdir()
    np.save(directory / "vectors" / "vectors.npy", vectors.astype(np.float16))
    (directory / "vectors" / "encoder.json").write_text(json.dumps({"fingerprint": "enc"}))
    return histories, BehaviorVectors.at(directory / "vectors")
