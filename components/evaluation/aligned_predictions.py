"""The same questions for every arm: a long table of predictions becomes answers side by side."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.evaluation.predictions import conform_table

SAMPLED_ARMS = ("per_user_lora",)
"""Arms that may answer some of the questions only, because they are costly."""


@dataclass(frozen=True)
class AlignedPredictions:
    """Answers of every arm and draw to the same N questions, ordered by question id."""

    question_ids: list[str]
    users: NDArray[np.int64]
    """Each question's user, numbered from 0, int64 [N]."""
    golds: list[str]
    answers: dict[str, list[list[str]]]
    """Answers by arm, then draw, then question; of SAMPLED_ARMS to the questions in `sampled`."""
    sampled: dict[str, NDArray[np.bool_]]
    """Which questions each of the SAMPLED_ARMS answered, bool [N]."""

    @property
    def num_users(self) -> int:
        """Number of users who ask the questions."""
        return int(self.users.max()) + 1


def align_predictions(table: pa.Table) -> AlignedPredictions:
    """Lay the arms' answers side by side.

    Raises:
        ValueError: If the table is empty or malformed, an arm and draw lacks a question or answers
            it twice, or two arms disagree about a question's user or gold.
    """
    table = conform_table("predictions", table)
    if not table.num_rows:
        raise ValueError("predictions: there are none")
    table = table.sort_by([(name, "ascending") for name in ("arm", "draw", "question_id")])
    reference: pa.Table | None = None
    answers: dict[str, list[list[str]]] = {}
    sampled: dict[str, NDArray[np.bool_]] = {}
    for arm, draw, part in _split_by_arm(table):
        place = f"arm {arm}, draw {draw}"
        reference = part if reference is None else reference
        if arm in SAMPLED_ARMS:
            asked = pc.is_in(reference["question_id"], part["question_id"].combine_chunks())
            sampled[arm] = asked.to_numpy(zero_copy_only=False)
            _check_same_questions(reference.filter(asked), part, place)
        else:
            _check_same_questions(reference, part, place)
        answers.setdefault(arm, []).append(part["prediction"].to_pylist())
    assert reference is not None  # the table has rows
    users = reference["user_id"].combine_chunks().dictionary_encode().indices
    return AlignedPredictions(
        question_ids=reference["question_id"].to_pylist(),
        users=users.to_numpy(zero_copy_only=False).astype(np.int64),
        golds=reference["gold"].to_pylist(),
        answers=answers,
        sampled=sampled,
    )


def _split_by_arm(table: pa.Table) -> Iterator[tuple[str, int, pa.Table]]:
    """Yield every arm's and draw's rows; those that answer everything come first."""
    pairs = table.select(["arm", "draw"]).group_by(["arm", "draw"]).aggregate([]).to_pylist()
    for pair in sorted(pairs, key=lambda pair: (pair["arm"] in SAMPLED_ARMS, *pair.values())):
        mask = pc.and_(pc.equal(table["arm"], pair["arm"]), pc.equal(table["draw"], pair["draw"]))
        yield pair["arm"], pair["draw"], table.filter(mask).combine_chunks()


def _check_same_questions(reference: pa.Table, part: pa.Table, place: str) -> None:
    expected, found = reference["question_id"].to_pylist(), part["question_id"].to_pylist()
    for before, after in itertools.pairwise(found):
        if before == after:
            raise ValueError(f"{place}: question {after!r} is answered twice")
    if expected != found:
        first = min(set(expected) ^ set(found))
        having = "lacks" if first in set(expected) else "alone has"
        raise ValueError(f"{place}: {having} question {first!r}; all arms answer the same ones")
    for column in ("user_id", "gold"):
        same = pc.equal(reference[column], part[column])
        if not pc.all(same).as_py():
            row = pc.index(same, False).as_py()
            raise ValueError(
                f"{place}, question {found[row]!r}, field {column!r}: is "
                f"{part[column][row].as_py()!r}, but {reference[column][row].as_py()!r} elsewhere"
            )
