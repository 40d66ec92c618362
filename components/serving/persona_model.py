"""A user's history and an input in, a personalized output out: the whole model of one task.

The same collator and splice as in training; nothing is computed here a second way.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import Field

from components.config import Config
from components.encoders.behavior_vectors import describe_encoder, find_device
from components.encoders.encoding import encode_texts
from components.encoders.sentence_encoder import load_history_encoder
from components.histories.record import Record
from components.llm.answering import build_answer_rule
from components.llm.config import LLMConfig
from components.llm.llm_folder import LLMFolder
from components.tasks.task import Task
from components.user_embedder.collator import Example, build_collator
from components.user_embedder.embedder_folder import EmbedderCard, EmbedderFolder
from components.user_embedder.persona_llm import PersonaLLM

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

SPEC = "serving.json"


class ServingRecipe(Config):
    """The settings of a run by which its plug-in answers."""

    task: Task = Field(description="The task.")
    llm: LLMConfig = Field(description="How the LLM is asked.")

    def specify(self, plug_in: EmbedderFolder, llm: LLMFolder) -> "ServingSpec":
        """Bind the settings to the weights that were trained with them."""
        hashes = {"llm_hash": llm.content_hash(), "plug_in_hash": plug_in.content_hash()}
        return ServingSpec(task=self.task, llm=self.llm, **hashes)

    def choose_text(self, payload: str, prompt: str) -> str:
        """Return what the LLM reads: the payload, or the whole input, in the task's words if "".

        Raises:
            ValueError: If a payload does not fit into the task's words.
        """
        if self.llm.reads == "payload":
            return payload
        return prompt or self.task.render_prompt(payload)


class ServingSpec(ServingRecipe):
    """What a plug-in needs to know beside its weights in order to answer."""

    llm_hash: str = Field(description="Content hash of the LLM's folder.")
    plug_in_hash: str = Field(description="Content hash of the user embedder's folder.")

    def write(self, directory: Path) -> None:
        """Write the specification into a folder."""
        (directory / SPEC).write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Read the specification of a folder."""
        return cls.model_validate(json.loads((directory / SPEC).read_text("utf-8")))


class PersonaModel:
    """Answers inputs for users.

    Attributes:
        card: Describes the user embedder.
        weights_sha256: Of the user embedder.
        llm: The frozen LLM.
        persona_llm: The user embedder and the LLM as one.
        collate: Makes its batches.
        rule: How answers are found.

    Args:
        spec: The task and the LLM's settings.
        plug_in: The trained user embedder.
        llm: The frozen LLM that it was trained for.

    Raises:
        ValueError: If the weights are not those that the specification names, or the history
            encoder is not the one that the user embedder was trained with.
    """

    def __init__(self, spec: ServingSpec, plug_in: EmbedderFolder, llm: LLMFolder) -> None:
        require_hash("the user embedder", plug_in.content_hash(), spec.plug_in_hash)
        require_hash("the LLM", llm.content_hash(), spec.llm_hash)
        self.spec, self.card, device = spec, plug_in.card(), find_device()
        self.weights_sha256 = plug_in.weights_hash()
        self._encoder = load_registered_encoder(self.card, spec.task, device)
        self.llm = llm.load(spec.llm, device)
        embedder = plug_in.load(device)
        embedder.settle()
        self.persona_llm = PersonaLLM(self.llm, embedder)
        self.collate = build_collator(self.llm, self.card, spec.llm)
        self.rule = build_answer_rule(self.llm, spec.task, spec.llm)

    def encode_items(self, items: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Encode history items, given as the task's fields, oldest first; float16 [H, E].

        Raises:
            ValueError: If an item lacks a field of the history template, or has no text there.
        """
        task = self.spec.task
        records = [Record(f"history item {row}", item) for row, item in enumerate(items)]
        texts = [
            task.render_item({name: record.text(name) for name in task.history_fields})
            for record in records
        ]
        return self.encode_rendered(texts)

    def encode_rendered(self, texts: list[str]) -> np.ndarray:
        """Encode history items that are rendered already, oldest first; float16 [H, E]."""
        return encode_texts(self._encoder, texts, self.card.encoder)

    def answer(
        self,
        inputs: Sequence[str],
        histories: Sequence[np.ndarray],
        prompts: Sequence[str] | None = None,
    ) -> list[str]:
        """Answer each input for the user with that history; an empty history is served.

        Args:
            inputs: The payloads: what the benchmark's prompt is put around.
            histories: Behavior vectors, float16 [H, E] each, oldest first.
            prompts: The whole inputs in words of their own; else they get the task's words.

        Raises:
            ValueError: If an input without words of its own does not fit into the task's.
        """
        own_words = prompts or len(inputs) * [""]
        read = [self.spec.choose_text(*given) for given in zip(inputs, own_words, strict=True)]
        examples = [Example(*given) for given in zip(read, inputs, histories, strict=True)]
        answers = dict(self.persona_llm.answer(examples, self.collate, self.rule))
        return [answers[row] for row in range(len(examples))]


def load_registered_encoder(card: EmbedderCard, task: Task, device: str) -> "SentenceTransformer":
    """Load the history encoder whose vectors a user embedder reads.

    Args:
        card: The user embedder's.
        task: Renders the items.
        device: Where it computes.

    Raises:
        ValueError: If what is found here makes other vectors.
    """
    encoder = load_history_encoder(card.encoder, device)
    made = describe_encoder(encoder, card.encoder, task.item_template)["fingerprint"]
    require_hash("the history encoder", made, card.encoder_fingerprint)
    return encoder


def require_hash(what: str, found: str, registered: str) -> None:
    """Refuse what is not what was registered.

    Raises:
        ValueError: If the hashes differ.
    """
    if found != registered:
        raise ValueError(f"{what} has hash {found}, but {registered} was registered")
