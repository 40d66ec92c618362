"""Questions that persona helped and hurt most, with the history items that weighed most.

They show texts of users: only a run whose `report.show_texts` is true may pick them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from components.config import Config
from components.evaluation.metrics import higher_is_better, score_questions
from components.evaluation.predictions import Answers
from components.histories.tables import Histories
from components.reporting.wording import CONTROL, PERSONA
from components.tasks.task import Task

NOT_SPREAD = 2.0
"""Above any entropy: histories of fewer than two items, where weights say nothing, come last."""


class WeighedItem(Config):
    """A history item and its weight in the persona."""

    weight: float = Field(ge=0, le=1, description="Its weight in the persona.")
    text: str = Field(description="The item as the history encoder reads it.")


class ExampleQuestion(Config):
    """One question with both answers."""

    question_id: str = Field(description="The question's id in the data.")
    payload: str = Field(description="The question's text.")
    gold: str = Field(description="The user's own output.")
    persona: str = Field(description="Persona's answer.")
    instruction_only: str = Field(description="The answer without any user.")
    gain: float = Field(
        description="Persona's score minus instruction_only's by the primary metric; good is > 0."
    )
    items: list[WeighedItem] = Field([], description="The items that weighed most, first first.")


class Examples(NamedTuple):
    """Questions to show, the clearest first."""

    helped: list[ExampleQuestion]
    hurt: list[ExampleQuestion]


def pick_examples(answers: Answers, histories: Histories, task: Task, num: int = 10) -> Examples:
    """Pick the questions where persona's answer is most better and most worse.

    Where gains are equal, as is common for accuracy, those come first whose weights point at few
    items (low entropy): they show best what the persona read. Then the question's id decides.

    Args:
        answers: Answers of persona and instruction_only, and persona's weights.
        histories: The texts of these questions and items.
        task: How answers are scored.
        num: Most questions of each kind; where fewer are better or worse, there are fewer.

    Raises:
        ValueError: If one of the two arms did not answer the other's questions.
    """
    table = _join_answers(answers.predictions)
    gains = _score_gains(table, task)
    weighed = {row["question_id"]: row for row in answers.attention.to_pylist()}
    entropies = np.array(
        [weighed.get(name, {}).get("entropy", np.nan) for name in table["question_id"].to_pylist()]
    )
    # The table is ordered by question id, and lexsort is stable.
    peaked = np.nan_to_num(entropies.astype(np.float64), nan=NOT_SPREAD)
    helped = [row for row in np.lexsort((peaked, -gains)) if gains[row] > 0][:num]
    hurt = [row for row in np.lexsort((peaked, gains)) if gains[row] < 0][:num]
    picked = pa.array([*helped, *hurt], pa.int64())
    texts = _read_payloads(histories, table["question_id"].take(picked))

    def show(row: int) -> ExampleQuestion:
        fields = table.slice(row, 1).to_pylist()[0]
        question_id = fields["question_id"]
        return ExampleQuestion(
            **fields,
            payload=texts[question_id],
            gain=float(gains[row]),
            items=_list_items(weighed.get(question_id), histories),
        )

    return Examples([show(row) for row in helped], [show(row) for row in hurt])


def _join_answers(predictions: pa.Table) -> pa.Table:
    """Return both arms' answers side by side, ordered by question id."""
    columns = {}
    for arm in (PERSONA, CONTROL):
        part = predictions.filter(pc.equal(predictions["arm"], arm)).sort_by("question_id")
        columns[arm] = part.combine_chunks()
    persona, control = columns[PERSONA], columns[CONTROL]
    if not persona["question_id"].equals(control["question_id"]):
        raise ValueError(
            f"{PERSONA} answered {len(persona)} questions and {CONTROL} {len(control)}, and they "
            "are not the same"
        )
    return pa.table(
        {
            "question_id": persona["question_id"],
            "gold": persona["gold"],
            PERSONA: persona["prediction"],
            CONTROL: control["prediction"],
        }
    )


def _score_gains(table: pa.Table, task: Task) -> NDArray[np.float64]:
    """Return persona's gain by question, float64 [N]; a gain is good in every metric."""
    metric, golds = task.primary_metric, table["gold"].to_pylist()
    # Primary metrics are means: their first statistic is the question's score.
    persona, control = (
        score_questions(metric, table[arm].to_pylist(), golds, task)[:, 0]
        for arm in (PERSONA, CONTROL)
    )
    return persona - control if higher_is_better(metric) else control - persona


def _read_payloads(histories: Histories, question_ids: pa.ChunkedArray) -> dict[str, str]:
    questions = histories.questions.select_columns(["question_id", "payload"])
    table: pa.Table = questions.with_format("arrow")[:]
    found = table.filter(pc.is_in(table["question_id"], question_ids.combine_chunks()))
    return {row["question_id"]: row["payload"] for row in found.to_pylist()}


def _list_items(weighed: Mapping[str, Any] | None, histories: Histories) -> Sequence[WeighedItem]:
    if weighed is None:
        return []
    texts = histories.items[weighed["top_rows"]]["text"] if weighed["top_rows"] else []
    pairs = zip(weighed["top_weights"], texts, strict=True)
    return [WeighedItem(weight=min(1.0, weight), text=text) for weight, text in pairs]
