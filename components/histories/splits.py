"""Which part of the data is held out, and which questions are kept."""

import logging

import numpy as np

from components.histories.config import QuestionConfig
from components.histories.tables import SPLITS, QuestionRow, Split

logger = logging.getLogger(__name__)


def cut_timeline(num_events: int, test_share: float, dev_share: float) -> list[Split]:
    """Return the split of each of `num_events` in order: train, then dev, then test.

    The first `int((1 - test_share) * num_events)` are not test; of those, the first
    `int((1 - dev_share) * ...)` are train: 10 events, .2 and .1 give 7, 1 and 2.
    """
    # 1e-9: (1 - 0.9) * 10 is a little less than 1.
    num_seen = int((1 - test_share) * num_events + 1e-9)
    num_train = int((1 - dev_share) * num_seen + 1e-9)
    counts = {"train": num_train, "dev": num_seen - num_train, "test": num_events - num_seen}
    return [split for split in SPLITS for _ in range(counts[split])]


def assign_users(
    user_ids: list[str], test_share: float, dev_share: float, seed: int
) -> dict[str, Split]:
    """Return each user's split, by shares of the users, drawn with the seed."""
    order = np.random.default_rng(seed).permutation(len(user_ids))
    splits = cut_timeline(len(user_ids), test_share, dev_share)
    return {user_ids[position]: split for position, split in zip(order, splits, strict=True)}


def sample_questions(
    questions: list[QuestionRow], config: QuestionConfig, seed: int
) -> list[QuestionRow]:
    """Keep at most the configured number of questions of each split, in their order.

    The sample of one split does not depend on the other splits.
    """
    kept: list[QuestionRow] = []
    limits = (config.max_train_questions, config.max_dev_questions, config.max_test_questions)
    for number, (split, limit) in enumerate(zip(SPLITS, limits, strict=True)):
        rows = [row for row in questions if row["split"] == split]
        if limit is not None and limit < len(rows):
            logger.info("%s: %d of %d questions are kept", split, limit, len(rows))
            rng = np.random.default_rng((seed, number))
            chosen = np.sort(rng.choice(len(rows), size=limit, replace=False))
            rows = [rows[position] for position in chosen]
        kept += rows
    return kept
