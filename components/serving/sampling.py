"""Which evaluated questions a registered artifact is asked again."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.histories.tables import Histories
from components.serving.reproduce import Request

ARM = "persona"


def sample_requests(
    histories: Histories, predictions: pa.Table, num_reproduced: int, seed: int
) -> tuple[list[Request], list[str]]:
    """Draw evaluated questions.

    Args:
        histories: The tables that the questions are from.
        predictions: The evaluation's answers, columns of `PREDICTION_SCHEMA`.
        num_reproduced: How many are drawn; all, where there are fewer.
        seed: Of the draw.

    Returns:
        The questions in the order of their table, and what persona answered to them.
    """
    answered = predictions.filter(pc.field("arm") == ARM)
    answers = dict(
        zip(*(answered[c].to_pylist() for c in ("question_id", "prediction")), strict=True)
    )
    ids = histories.questions["question_id"]
    rows = [row for row, question in enumerate(ids) if question in answers]
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.choice(rows, size=min(num_reproduced, len(rows)), replace=False))
    chosen, texts = histories.questions.select(drawn), histories.items["text"]
    requests = [
        Request(prompt=prompt, payload=payload, history=[texts[item] for item in history])
        for prompt, payload, history in zip(
            *(chosen[name] for name in ("input", "payload", "history")), strict=True
        )
    ]
    return requests, [answers[question] for question in chosen["question_id"]]
