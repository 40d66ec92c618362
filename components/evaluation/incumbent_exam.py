"""Registered models answer the candidate's questions as they are served: by their own settings.

Its prompt, its labels, its encoder and the way in which it asks the LLM are those that were
registered with it. Of the histories there are only texts rendered for the candidate, so a model
that reads items rendered in another way cannot be asked.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from components.encoders.behavior_vectors import describe_encoder, find_device
from components.encoders.encoding import encode_texts
from components.encoders.sentence_encoder import load_history_encoder
from components.evaluation.arm_names import name_cut
from components.evaluation.arms import answer_as, tabulate_predictions
from components.evaluation.exam import Exam, cut_histories
from components.llm.config import LLMConfig
from components.tasks.task import Task
from components.training.examples import Examples
from components.user_embedder.embedder_folder import EmbedderCard, EmbedderFolder

logger = logging.getLogger(__name__)

RENDERING = {
    "input_field": "items",
    "output_field": "items",
    "item_template": "items",
    "payload_template": "inputs",
}
"""What of a task decides how items and payloads are rendered."""


class IncomparableError(ValueError):
    """A model cannot be asked the candidate's questions; says what it reads instead."""


def name_obstacle(arm_name: str) -> str:
    """Return the note beside the predictions that says why there are none of an incumbent."""
    return f"{arm_name}_not_compared"


def answer_incumbent(
    exam: Exam, plug_in: EmbedderFolder, task: Task, llm: LLMConfig, offices: Sequence[str]
) -> pa.Table:
    """Let a registered model answer; returns the rows of its arms, and of them with less history.

    Args:
        exam: The candidate's questions; the model was trained for the same LLM.
        plug_in: The model's user embedder.
        task: The model's own task.
        llm: How the model asks the LLM.
        offices: Arms that it answers as: `champion`, `reference` or both.

    Raises:
        IncomparableError: If it reads items that were rendered in another way, or vectors
            of an encoder that cannot be had any more.
    """
    today = exam.recipe.task
    for field, what in RENDERING.items():
        own, other = getattr(task, field), getattr(today, field)
        if own != other:
            raise IncomparableError(f"reads {what} by task.{field} {own!r}, not {other!r}")
    rows = exam.question_rows()
    own_exam = replace(exam, recipe=exam.recipe.model_copy(update={"task": task, "llm": llm}))
    examples = own_exam.examples(rows)
    if llm.reads == "input" and task.prompt != today.prompt:
        examples = replace(examples, prompts=reword_inputs(examples.payloads, task))
    card = plug_in.card()
    if card.encoder_fingerprint != exam.artifacts.vectors.fingerprint:
        examples = encode_anew(examples, exam, card)
    cuts = exam.recipe.evaluation.history_cuts
    runs = [examples, *(cut_histories(examples, cut) for cut in cuts)]
    answers = answer_as(own_exam, plug_in, True, runs)
    by_arm = {
        name: [answered]
        for office in offices
        for name, answered in zip(
            [office, *(name_cut(office, cut) for cut in cuts)], answers, strict=True
        )
    }
    return tabulate_predictions(exam, rows, by_arm)


def reword_inputs(payloads: Sequence[str], task: Task) -> list[str]:
    """Put the payloads into the model's own words.

    Raises:
        IncomparableError: If one was guessed, and has not all that these words need.
    """
    try:
        return [task.render_prompt(payload) for payload in payloads]
    except ValueError as err:
        raise IncomparableError(f"has a prompt of its own; {err}") from err


def encode_anew(examples: Examples, exam: Exam, card: EmbedderCard) -> Examples:
    """Return the examples with the items of their histories encoded by the model's own encoder.

    Raises:
        IncomparableError: If it cannot be had, or would make other vectors today.
    """
    try:
        encoder = load_history_encoder(card.encoder, find_device())
    except ValueError as err:
        raise IncomparableError(f"reads vectors of a lost encoder ({err})") from err
    described = describe_encoder(encoder, card.encoder, exam.recipe.task.item_template)
    if described["fingerprint"] != card.encoder_fingerprint:
        raise IncomparableError(
            f"reads behavior vectors {card.encoder_fingerprint}, where its encoder "
            f"{card.encoder.name} makes {described['fingerprint']} today"
        )
    needed = np.unique(np.concatenate([np.empty(0, np.int64), *examples.histories]))
    texts = list(exam.artifacts.histories.items.select(needed)["text"])
    logger.info("encoding %d items with the model's own encoder", len(texts))
    return replace(
        examples,
        vectors=encode_texts(encoder, texts, card.encoder),
        histories=[np.searchsorted(needed, history) for history in examples.histories],
    )
