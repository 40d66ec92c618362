"""A profile of the data that a model was trained on: what later data is compared with for drift."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from components.config import Config
from components.encoders.behavior_vectors import BehaviorVectors
from components.histories.tables import SPLITS, Histories
from components.tasks.task import Task

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class DataProfile(Config):
    """Counts and distributions of one run's histories."""

    num_users: int = Field(description="Users with a question or an item.")
    num_items: int = Field(description="History items.")
    num_questions: dict[str, int] = Field(description="Questions by split.")
    newest_time: str | None = Field(description="Time of the newest item, ISO 8601; None if none.")
    items_per_user: list[float] = Field(description="Quantiles .05 .25 .5 .75 .95, in items.")
    text_length: list[float] = Field(description="The same quantiles of items, in characters.")
    label_shares: dict[str, float] = Field(
        description=(
            "Share of the items' outputs that each of the task's labels has; empty for a text "
            "task, whose outputs are users' own texts."
        )
    )
    vector_mean: list[float] = Field(description="Mean behavior vector.")
    encoder_fingerprint: str = Field(description="The encoder that made the vectors.")


def profile_data(histories: Histories, vectors: BehaviorVectors, task: Task) -> DataProfile:
    """Profile the histories and their behavior vectors; no text of a user gets into it."""
    items = histories.items.data.table
    questions = histories.questions.data.table
    users = set(pc.unique(items["user_id"]).to_pylist())
    users |= set(pc.unique(questions["user_id"]).to_pylist())
    splits = questions["split"].to_pylist()
    per_user = [count["counts"].as_py() for count in pc.value_counts(items["user_id"])]
    newest = pc.max(items["time"]).as_py()
    matrix = vectors.open()
    mean = matrix.mean(axis=0, dtype=np.float64) if len(matrix) else np.zeros(matrix.shape[1])
    return DataProfile(
        num_users=len(users),
        num_items=len(items),
        num_questions={split: splits.count(split) for split in SPLITS},
        newest_time=None if newest is None else newest.isoformat(),
        items_per_user=_quantiles(per_user),
        text_length=_quantiles(pc.utf8_length(items["text"]).to_pylist()),
        label_shares=_share_labels(items["output"], task),
        vector_mean=[round(float(value), 6) for value in mean],
        encoder_fingerprint=vectors.fingerprint,
    )


def _share_labels(outputs: pa.ChunkedArray, task: Task) -> dict[str, float]:
    known = pc.drop_null(outputs)
    counts = {c["values"].as_py(): c["counts"].as_py() for c in pc.value_counts(known)}
    return {label: counts.get(label, 0) / len(known) for label in task.labels if len(known)}


def _quantiles(values: list[int]) -> list[float]:
    return [float(value) for value in np.quantile(values, QUANTILES)] if values else []
