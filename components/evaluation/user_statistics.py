"""The arm without any model: what simple statistics of a user's history reach (method section 3).

Several candidates answer the dev questions, and the best of them by the task's primary metric is
the arm, so that the choice is not made on the questions that are evaluated. Where dev is evaluated,
a seeded tenth of the train users chooses instead: the candidates learn from the questions of the
other train users, and the chosen one then from all.

Letters: N questions, L labels.
"""

import logging
from collections import Counter
from typing import Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from components.config import Config
from components.evaluation.config import UserStatisticsConfig
from components.evaluation.history_counts import HistoryCounts, count_labels
from components.evaluation.metrics import compute_metric, encode_labels, higher_is_better
from components.evaluation.text_plus_user import (
    TextPlusUser,
    label_numbers,
    normalise_rows,
    round_to_labels,
)
from components.histories.tables import Histories
from components.tasks.task import Task

logger = logging.getLogger(__name__)

CANDIDATES = {
    "classification": ("most_frequent", "last", "recency_weighted", "text_plus_user"),
    "ordinal": ("most_frequent", "last", "recency_weighted", "mean", "text_plus_user"),
    "text": ("last",),
}
"""Candidates by kind of task."""
HELD_OUT_SHARE = 0.1
"""Of the train users, where dev is evaluated."""


class UserStatistics(Config):
    """The arm's answers, and which candidate they are from."""

    chosen: str = Field(description="The candidate that is best on the questions that choose.")
    chosen_on: Literal["dev", "train"] = Field(
        description="Which those are: dev, or those of held-out train users."
    )
    scores: dict[str, float] = Field(description="Every candidate's primary metric on them.")
    predictions: list[str] = Field(description="The chosen candidate's answers, one a question.")


class Answerer(Protocol):
    """Candidates that were fitted to the train questions."""

    def answer(self, candidate: str, questions: pa.Table) -> list[str]:
        """Return a candidate's answers to the questions."""
        ...


def answer_from_statistics(
    histories: Histories,
    question_rows: list[int],
    task: Task,
    config: UserStatisticsConfig,
    seed: int,
) -> UserStatistics:
    """Answer questions from the train split and the user's own history, without any neural net.

    Args:
        histories: The tables; train questions are learned from, and dev questions choose unless
            they are among those to be answered.
        question_rows: Rows of `histories.questions` to be answered.
        task: The task.
        config: Settings.
        seed: Of the sample of train questions and of the held-out train users.

    Raises:
        ValueError: If there are no train or no dev questions, or if dev is to be answered and only
            one user has train questions.
    """
    columns = ["split", "user_id", "payload", "output", "history"]
    questions = histories.questions.select_columns(columns).with_format("arrow")[:]
    asked = questions.take(pa.array(question_rows, type=pa.int64()))
    train = _questions_of(questions, "train")
    chosen_on: Literal["dev", "train"] = "dev"
    if pc.any(pc.equal(asked["split"], "dev")).as_py():
        chosen_on = "train"
        learned, choosing = hold_out_users(train, seed)
    else:
        learned, choosing = train, _questions_of(questions, "dev")

    def fit(part: pa.Table) -> Answerer:
        part = _sample(part, config.max_train_questions, seed)
        if task.kind == "text":
            return TextAnswerer(histories, part)
        return LabelAnswerer(histories, part, task, config)

    answerer = fit(learned)
    scores = _score_candidates(answerer, choosing, task)
    best = max if higher_is_better(task.primary_metric) else min
    chosen = best(scores, key=lambda name: scores[name])
    logger.info(
        "user statistics: %s is best on %s by %s: %s",
        *(chosen, chosen_on, task.primary_metric, scores),
    )
    if learned is not train:
        answerer = fit(train)
    predictions = answerer.answer(chosen, asked)
    return UserStatistics(
        chosen=chosen, chosen_on=chosen_on, scores=scores, predictions=predictions
    )


def hold_out_users(train: pa.Table, seed: int) -> tuple[pa.Table, pa.Table]:
    """Split train questions into those of most users and those of a seeded tenth of the users.

    By users, since a user's questions tell of one another: their histories hold each other's golds.

    Raises:
        ValueError: If there is only one user.
    """
    users = np.unique(train["user_id"].to_numpy(zero_copy_only=False))
    if len(users) < 2:
        raise ValueError(
            "user_statistics is chosen on held-out train users where dev is evaluated, "
            "but only one user has train questions"
        )
    num_held_out = max(1, round(HELD_OUT_SHARE * len(users)))
    held_out = np.random.default_rng(seed).choice(users, size=num_held_out, replace=False)
    is_held_out = pc.is_in(train["user_id"], value_set=pa.array(held_out, pa.string()))
    return (
        train.filter(pc.invert(is_held_out)).combine_chunks(),
        train.filter(is_held_out).combine_chunks(),
    )


class LabelAnswerer:
    """Candidates for tasks with labels; without history they answer as the train split does."""

    def __init__(
        self, histories: Histories, train: pa.Table, task: Task, config: UserStatisticsConfig
    ) -> None:
        self._histories = histories
        self._task = task
        self._decay = config.decay
        golds = encode_labels(train["output"].to_pylist(), task)
        self._shares = np.bincount(golds, minlength=len(task.labels)) / len(golds)
        self._text_plus_user = TextPlusUser(task, config.max_vocabulary)
        self._text_plus_user.fit(train["payload"].to_pylist(), self._count(train), golds)

    def answer(self, candidate: str, questions: pa.Table) -> list[str]:
        """Return a candidate's answers to the questions."""
        users = self._count(questions)
        if candidate == "text_plus_user":
            positions = self._text_plus_user.predict(questions["payload"].to_pylist(), users)
        else:
            positions = np.where(
                users.is_known,
                pick_labels(candidate, users, self._task),
                self._answer_unknown(candidate),
            )
        return [self._task.labels[position] for position in positions]

    def _count(self, questions: pa.Table) -> HistoryCounts:
        return count_labels(self._histories, questions, self._task, self._decay)

    def _answer_unknown(self, candidate: str) -> int:
        """Return the answer for a user without history: the train split's mean or mode."""
        if candidate == "mean":
            mean = self._shares @ label_numbers(self._task)
            return int(round_to_labels(np.array([mean]), self._task)[0])
        return int(self._shares.argmax())


class TextAnswerer:
    """The only candidate for texts: the user's last one, or else train's most frequent one."""

    def __init__(self, histories: Histories, train: pa.Table) -> None:
        items = histories.items.select_columns(["output"]).with_format("arrow")[:]
        self._outputs = items["output"].to_pylist()
        self._unknown = Counter(train["output"].to_pylist()).most_common(1)[0][0]

    def answer(self, candidate: str, questions: pa.Table) -> list[str]:
        """Return the newest output of each history."""
        assert candidate == "last", candidate
        answers = []
        for history in questions["history"].to_pylist():
            outputs = (self._outputs[row] for row in reversed(history))
            answers.append(next((text for text in outputs if text is not None), self._unknown))
        return answers


def pick_labels(candidate: str, users: HistoryCounts, task: Task) -> np.ndarray:
    """Return a candidate's label positions, int64 [N]; rows without history mean nothing.

    Labels that are equally frequent are told apart by how lately they were given.
    """
    if candidate == "last":
        return users.last
    if candidate == "recency_weighted":
        return users.decayed.argmax(axis=1)
    if candidate == "mean":
        return round_to_labels(normalise_rows(users.counts) @ label_numbers(task), task)
    assert candidate == "most_frequent", candidate
    return (users.counts + normalise_rows(users.decayed) / 2).argmax(axis=1)


def _score_candidates(answerer: Answerer, questions: pa.Table, task: Task) -> dict[str, float]:
    golds = questions["output"].to_pylist()
    return {
        name: compute_metric(task.primary_metric, answerer.answer(name, questions), golds, task)
        for name in CANDIDATES[task.kind]
    }


def _sample(train: pa.Table, limit: int, seed: int) -> pa.Table:
    if len(train) <= limit:
        return train
    rows = np.random.default_rng(seed).choice(len(train), size=limit, replace=False)
    return train.take(pa.array(np.sort(rows)))


def _questions_of(questions: pa.Table, split: str) -> pa.Table:
    part = questions.filter(pc.equal(questions["split"], split)).combine_chunks()
    if not len(part):
        raise ValueError(f"user_statistics learns from train and chooses on dev: {split} is empty")
    return part
