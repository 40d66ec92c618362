"""Which questions, and whose answers to them, stand side by side in each slice.

A slice is some of the questions together with which arm answers for which: in `history_4` the
answers of `persona_history_4` stand for persona. Arms that read histories and were not asked with
shorter ones are left out there.

Letters: N questions.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from components.evaluation.aligned_predictions import AlignedPredictions
from components.evaluation.arm_names import CUT_ARM, SEED_ARM
from components.evaluation.evaluation import place_arm
from components.evaluation.evidence import ALL
from components.evaluation.predictions import conform_table
from components.tasks.task import Task

WITHOUT_HISTORY = ("base", "instruction_only")
"""Arms that read no history: what it is cut to is nothing to them."""


@dataclass(frozen=True)
class SlicePlan:
    """A slice that is to be measured."""

    name: str
    mask: NDArray[np.bool_]
    """Its questions, bool [N]."""
    arms: Mapping[str, str]
    """The arm that answered, by the arm that it stands for."""


def plan_slices(
    aligned: AlignedPredictions, questions: pa.Table, task: Task, judges: Iterable[str]
) -> list[SlicePlan]:
    """Return the slices of all arms' questions, the one of everything first.

    Args:
        aligned: The answers.
        questions: Columns of QUESTION_SCHEMA, a row a question.
        task: The task of all these questions.
        judges: Ideal judges who answered too; they stand beside all questions only, as do other
            trainings of persona.

    Raises:
        ValueError: If something is known of other questions than were answered.
    """
    known = find_known_users(aligned.question_ids, questions)
    everything = np.ones(len(known), dtype=np.bool_)
    plain = {arm: arm for arm in find_plain_arms(aligned)}
    beside = {arm: arm for arm in (*find_seed_arms(aligned).values(), *judges)}
    plans = [SlicePlan(ALL, everything, plain | beside)]
    cut_arms = find_cut_arms(aligned)
    kept = {arm: arm for arm in WITHOUT_HISTORY if arm in plain}
    plans += [SlicePlan(f"history_{cut}", everything, kept | cut_arms[cut]) for cut in cut_arms]
    if cut_arms:
        plans.append(SlicePlan("history_all", everything, plain))
    plans.append(SlicePlan("known_users", known, plain))
    plans.append(SlicePlan("new_users", ~known, plain))
    plans.append(SlicePlan(f"task:{task.name}", everything, plain))
    return plans


def plan_samples(aligned: AlignedPredictions) -> list[SlicePlan]:
    """Return a slice for every arm that answered a sample: this arm and all others on it."""
    plain = {arm: arm for arm in find_plain_arms(aligned)}
    return [SlicePlan(arm, mask, plain | {arm: arm}) for arm, mask in aligned.sampled.items()]


def find_plain_arms(aligned: AlignedPredictions) -> list[str]:
    """Return the arms that answered everything, without variants of them, in reports' order."""
    variants = (CUT_ARM, SEED_ARM)
    plain = (
        arm
        for arm in aligned.answers
        if arm not in aligned.sampled and not any(v.fullmatch(arm) for v in variants)
    )
    return sorted(plain, key=place_arm)


def find_cut_arms(aligned: AlignedPredictions) -> dict[int, dict[str, str]]:
    """Return the arms with shortened histories by the number of items, fewest first.

    {4: {"persona": "persona_history_4"}} says that persona was asked with four items.
    """
    cuts: dict[int, dict[str, str]] = {}
    for arm in sorted(aligned.answers, key=place_arm):
        if match := CUT_ARM.fullmatch(arm):
            cuts.setdefault(int(match[2]), {})[match[1]] = arm
    return dict(sorted(cuts.items()))


def find_seed_arms(aligned: AlignedPredictions) -> dict[str, str]:
    """Return the arms of other trainings of persona by their seeds, lowest first."""
    matches = [match for arm in aligned.answers if (match := SEED_ARM.fullmatch(arm))]
    return {match[1]: match[0] for match in sorted(matches, key=lambda match: int(match[1]))}


def find_known_users(question_ids: list[str], questions: pa.Table) -> NDArray[np.bool_]:
    """Return whether training saw each question's user, in the order of the ids, bool [N].

    Raises:
        ValueError: If the table is of other questions.
    """
    table = conform_table("questions", questions).sort_by("question_id")
    found = table["question_id"].to_pylist()
    if found != question_ids:
        strange = set(found) ^ set(question_ids)
        which = f"question {min(strange)!r}" if strange else "a question that is named twice"
        raise ValueError(f"questions: they are not those that were answered; see {which}")
    known: NDArray[np.bool_] = table["known_user"].to_numpy()
    return known.astype(np.bool_)
