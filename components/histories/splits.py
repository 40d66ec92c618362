"""Which part of the data is held out, and which questions are kept."""

import hashlib
import logging
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from components.histories.config import QuestionConfig
from components.histories.tables import SPLITS, Histories, Split

logger = logging.getLogger(__name__)


class EmptySplitError(ValueError):
    """A split that the run needs has no questions."""


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


def draw_by_hash(purpose: str, user_id: str) -> float:
    """Return a user's number from 0 to 1: the same in every run, whoever else is there.

    Args:
        purpose: What it is drawn for; a user's numbers for two purposes are independent.
        user_id: The user.
    """
    digest = hashlib.sha256(f"{purpose}\0{user_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def assign_users(
    user_ids: list[str], test_share: float, dev_share: float, seed: int
) -> dict[str, Split]:
    """Return each user's split, which hangs on her id, the shares and the seed alone.

    So new users move nobody: a model that was kept has seen none of today's test users. The shares
    are met on average only.

    Raises:
        ValueError: If a split that has a share gets no user.
    """
    held_out = test_share + (1 - test_share) * dev_share
    split_of: dict[str, Split] = {}
    for user_id in user_ids:
        number = draw_by_hash(f"split {seed}", user_id)
        split_of[user_id] = (
            "test" if number < test_share else "dev" if number < held_out else "train"
        )
    shares = {"train": 1 - held_out, "dev": held_out - test_share, "test": test_share}
    for split, share in shares.items():
        if user_ids and share > 0 and split not in split_of.values():
            raise ValueError(
                f"split_by user: none of {len(user_ids)} users falls into {split}, whose share is "
                f"{share:.3g}; it takes more users, another share or another data.split_seed"
            )
    return split_of


def sample_questions(
    splits_Q: NDArray[np.int64],
    config: QuestionConfig,
    seed: int,
    times_Q: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Choose at most the configured number of questions of each split.

    The sample of one split does not depend on the other splits.

    Args:
        splits_Q: Each question's place in `SPLITS`.
        config: How many are kept.
        seed: Of the sample.
        times_Q: Each question's time: of train the newest are kept, since those to be asked are
            newer yet. None: a sample.

    Returns:
        Rows of the chosen questions, split by split, in their order.
    """
    kept: list[NDArray[np.int64]] = []
    limits = (config.max_train_questions, config.max_dev_questions, config.max_test_questions)
    for number, (split, limit) in enumerate(zip(SPLITS, limits, strict=True)):
        rows = np.flatnonzero(splits_Q == number)
        if limit is not None and limit < len(rows):
            logger.info("%s: %d of %d questions are kept", split, limit, len(rows))
            if split == "train" and times_Q is not None:
                chosen = np.argsort(times_Q[rows], kind="stable")[-limit:]
            else:
                rng = np.random.default_rng((seed, number))
                chosen = rng.choice(len(rows), size=limit, replace=False)
            rows = rows[np.sort(chosen)]
        kept.append(rows)
    return np.concatenate(kept)


def require_splits(histories: Histories, evaluated: Split) -> None:
    """Refuse histories in which a split that a run needs has no questions.

    Args:
        histories: The tables.
        evaluated: The split whose questions all arms answer.

    Raises:
        EmptySplitError: Names each empty split, what it is for and what to set.
    """
    counts = Counter(histories.questions["split"])
    needs = {"train": "to learn from", "dev": "to choose user_statistics on"}
    needs |= {evaluated: "to evaluate"}
    empty = [split for split in SPLITS if split in needs and not counts[split]]
    if not empty:
        return
    missing = " and ".join(f"no {split} questions {needs[split]}" for split in empty)
    numbers = ", ".join(f"{split} {counts[split]}" for split in SPLITS)
    instead = "evaluate on dev (evaluation.split: dev), or " if empty == ["test"] else ""
    raise EmptySplitError(
        f"there are {missing} ({numbers}); {instead}bring them: in LaMP's layout a split needs "
        "both of its files, {split}_questions.json and {split}_outputs.json, and an interactions "
        "file is split by data.interactions.test_share and dev_share"
    )
