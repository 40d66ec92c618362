"""Whole models of one task around tiny LLMs of every kind, with plug-ins that nobody trained."""

from pathlib import Path

import torch

from components.encoders.behavior_vectors import describe_encoder
from components.encoders.config import EncoderConfig
from components.encoders.sentence_encoder import load_history_encoder
from components.llm.config import LLMConfig
from components.llm.frozen_llm import FrozenLLM
from components.llm.llm_folder import LLMSource, write_llm_folder
from components.serving.persona_model import PersonaModel, ServingRecipe
from components.tasks.lamp import LAMP_2
from components.tasks.task import Task
from components.user_embedder.config import EmbedderConfig
from components.user_embedder.embedder_folder import (
    EmbedderCard,
    build_user_embedder,
    save_user_embedder,
)
from components.user_embedder.user_embedder import Aggregation
from tests.components.tiny_models import WIDTH, make_llm

LABELLED = LAMP_2
FREE = Task(
    name="free",
    kind="text",
    prompt="Write on: {payload}",
    input_field="text",
    history_template="{text}",
)
PAYLOADS = ["a tale of time travel", "book", "on a book", "a classic romance of dystopia", "sci"]


def write_parts(
    directory: Path, encoder_folder: Path, llm: FrozenLLM, task: Task, config: LLMConfig
):
    """Write plug-in and LLM; returns the specification that binds them, and both."""
    encoder = EncoderConfig(name=str(encoder_folder), max_length=32)
    made = describe_encoder(load_history_encoder(encoder, "cpu"), encoder, task.item_template)
    card = EmbedderCard(
        aggregation=Aggregation.ATTENTION,
        embedder=EmbedderConfig(temperature=None, hidden_dim=8, max_history_items=4),
        encoder=encoder,
        encoder_weights_sha256="invented",
        encoder_fingerprint=made["fingerprint"],
        encoder_dim=WIDTH,
        llm_dim=llm.embedding_dim,
        llm_hash="invented",
        llm_weights_sha256="invented",
        scale=8 * llm.token_norm,  # a random LLM cannot but hear it
    )
    for name in ("plug_in", "llm"):
        (directory / name).mkdir(parents=True)
    torch.manual_seed(0)
    plug_in = save_user_embedder(build_user_embedder(card), card, [], directory / "plug_in")
    folder = write_llm_folder(directory / "llm", LLMSource("warm_start", None, "none"), llm, [])
    return ServingRecipe(task=task, llm=config).specify(plug_in, folder), plug_in, folder


HEARING = ("EncDecAttention", "crossattention")
LAST_NORMS = ("decoder.final_layer_norm", "transform.LayerNorm", "model.norm")


@torch.no_grad()
def make_listening_llm(kind: str, encoder_folder: Path) -> FrozenLLM:
    """Make a random LLM whose answers hang on what it reads, and not on labels' lengths alone."""
    llm = make_llm(kind, encoder_folder)
    for name, parameter in llm.model.named_parameters():
        if any(part in name for part in HEARING) and "orm" not in name:
            parameter.mul_(4.0)
        if name.endswith(tuple(f"{norm}.weight" for norm in LAST_NORMS)):
            parameter.mul_(8.0)
    return llm


def make_model(directory, encoder_folder, kind, task=LABELLED, **changes):
    """Make the model of a task around an LLM of one of `KINDS`."""
    llm = make_listening_llm(kind, encoder_folder)
    chat = {"use_chat_template": True, "chat_options": llm.chat_options} if kind == "chat" else {}
    name = "warm_start" if kind == "warm_start" else "tiny"
    config = LLMConfig(name=name, max_input_length=96, max_new_tokens=8, **chat | changes)
    return PersonaModel(*write_parts(directory, encoder_folder, llm, task, config))


def invent_histories(num: int, seed: int = 0):
    """Draw unit vectors, float16 [H, E], for users with 0, 1, 2, ... items."""
    generator = torch.Generator().manual_seed(seed)
    drawn = [torch.randn(count, WIDTH, generator=generator) for count in range(num)]
    return [torch.nn.functional.normalize(rows, dim=1).half().numpy() for rows in drawn]
