"""What a gateway is measured on: bundles of the quickstart's shapes, users in a store, questions.

The plug-in is one that nobody trained: its shapes count. The LLM is a warm start that was tuned for
half a minute: an untuned one finds all labels about as likely, and eight times as many of their
tokens have to be read. Histories are the simulator's, as many items a user as in the quickstart.
"""

import json
import random
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from components.encoders.behavior_vectors import describe_encoder, find_device
from components.encoders.config import EncoderConfig
from components.encoders.sentence_encoder import load_history_encoder
from components.histories.config import DataConfig
from components.histories.read import read_histories
from components.histories.simulator_config import SimulatorConfig
from components.histories.tables import Histories
from components.llm.config import WARM_START, LLMConfig
from components.llm.frozen_llm import FrozenLLM
from components.llm.llm_folder import LLMFolder, LLMSource, write_llm_folder
from components.llm.prepare import LLMRecipe, prepare_llm
from components.personas.config import PersonaStoreConfig
from components.personas.custody import open_custody
from components.personas.ledger import ShardCounts
from components.personas.persona import PersonaItem, hash_text
from components.personas.store import PersonaStore
from components.serving.bundle import ServingBundle, package_serving
from components.serving.gateway.settings import hash_service_key
from components.serving.persona_model import PersonaModel, ServingRecipe, ServingSpec
from components.tasks.lamp import LAMP_2
from components.user_embedder.config import EmbedderConfig
from components.user_embedder.embedder_folder import (
    EmbedderCard,
    EmbedderFolder,
    build_user_embedder,
    save_user_embedder,
)
from components.user_embedder.user_embedder import Aggregation
from components.user_hash import load_key

KEY = "key of the load generator"
TENANT = "default"
NO_LIMIT = "1000000/second"
"""The gateway's capacity is measured, not what one key may ask."""
NEVER = -1e4
"""Output bias of a token that is never generated."""
SETTINGS = "serving.yaml"


@dataclass(frozen=True)
class Shape:
    """What sizes a made bundle and its users have."""

    encoder: EncoderConfig
    """What both encoders and the LLM start from."""
    llm: LLMConfig
    """How the LLM is asked."""
    users: SimulatorConfig
    """Those of the test split ask; the questions of train users tune the LLM."""


QUICKSTART = Shape(
    EncoderConfig(),
    LLMConfig(),
    SimulatorConfig(
        num_train_users=160,
        num_dev_users=2,
        num_test_users=48,
        eval_questions_per_user=50,
    ),
)


@dataclass(frozen=True)
class Question:
    """What a user asks."""

    user: str
    payload: str
    body: dict[str, Any]
    """Of a chat completion."""


@dataclass(frozen=True)
class World:
    """A folder with all that a gateway process needs.

    Attributes:
        folder: The process's working directory.
        bundle: What is served.
        questions: Of users whose items are in the store.
    """

    folder: Path
    bundle: ServingBundle
    questions: list[Question]


def make_bundle(shape: Shape, folder: Path, version: str, seed: int) -> ServingBundle:
    """Make a bundle whose plug-in nobody trained.

    Args:
        shape: Of its parts.
        folder: Made; gets `parts` and `bundle`.
        version: Of the model.
        seed: Of the plug-in; the LLM is the same for all.
    """
    for part in ("parts/llm", "parts/plug_in", "bundle", "tuned_on"):
        (folder / part).mkdir(parents=True)
    encoder, config, data = shape.encoder, shape.llm, DataConfig(simulator=shape.users)
    histories = read_histories(data, LAMP_2, 0, folder / "tuned_on")
    recipe = LLMRecipe(task=LAMP_2, llm=config, encoder=encoder, seed=0)
    llm = prepare_llm(histories, recipe, folder / "parts" / "llm")
    model = llm.load(config, find_device())
    plug_in = make_plug_in(encoder, model, folder / "parts" / "plug_in", seed)
    spec = ServingRecipe(task=LAMP_2, llm=config).specify(plug_in, llm)
    name = f"persona-plug-{LAMP_2.name}"
    return package_serving(spec, plug_in, llm, folder / "bundle", name, version)


def make_plug_in(encoder: EncoderConfig, llm: FrozenLLM, folder: Path, seed: int) -> EmbedderFolder:
    """Write a user embedder that nobody trained."""
    history_encoder = load_history_encoder(encoder, find_device())
    described = describe_encoder(history_encoder, encoder, LAMP_2.item_template)
    width = history_encoder.get_embedding_dimension()
    assert width is not None
    card = EmbedderCard(
        aggregation=Aggregation.ATTENTION,
        embedder=EmbedderConfig(),
        encoder=encoder,
        encoder_weights_sha256="untrained",
        encoder_fingerprint=described["fingerprint"],
        encoder_dim=width,
        llm_dim=llm.embedding_dim,
        llm_hash="untuned",
        llm_weights_sha256="untuned",
        scale=llm.token_norm,
    )
    torch.manual_seed(seed)
    return save_user_embedder(build_user_embedder(card), card, [], folder)


@torch.no_grad()
def make_endless(bundle: ServingBundle, folder: Path, num_tokens: int) -> ServingBundle:
    """Make a bundle that generates exactly as many tokens as a request wants, and never an end.

    Args:
        bundle: Whose plug-in and LLM it takes; the LLM's output layer must have a bias.
        folder: Made.
        num_tokens: Of an answer that wants no number.
    """
    for part in ("parts/llm", "bundle"):
        (folder / part).mkdir(parents=True)
    spec = ServingSpec.read(bundle.path)
    config = spec.llm.model_copy(
        update={"answers": "generation", "max_new_tokens": num_tokens, "num_beams": 1}
    )
    model = bundle.llm().load(config, find_device())
    ends = [model.layout.end, model.model.generation_config.eos_token_id]
    model.model.get_output_embeddings().bias[ends] = NEVER
    source = LLMSource(WARM_START, None, "endless")
    llm: LLMFolder = write_llm_folder(folder / "parts" / "llm", source, model, [])
    endless = ServingRecipe(task=spec.task, llm=config).specify(bundle.plug_in(), llm)
    card = bundle.card()
    return package_serving(
        endless, bundle.plug_in(), llm, folder / "bundle", card.model_name, card.model_version
    )


def make_world(
    bundle: ServingBundle,
    folder: Path,
    users: SimulatorConfig,
    place: str,
    settings: dict[str, Any],
) -> World:
    """Fill a store and write settings.

    Args:
        bundle: What is served.
        folder: Existing; the gateway's working directory.
        users: Who asks.
        place: The store's, as in the settings.
        settings: Of the gateway, what is not as it is by default.
    """
    task = ServingSpec.read(bundle.path).task
    (folder / "histories").mkdir()
    histories = read_histories(DataConfig(simulator=users), task, 0, folder / "histories")
    asked = [row for row in histories.questions if row["split"] == "test"]
    fill_store(bundle.load(), histories, {row["user_id"] for row in asked}, folder, place)
    write_settings(folder, place, settings)
    name = bundle.card().model_name
    questions = [write_question(name, row) for row in asked]
    # So that neighbours in time are different users.
    random.Random(0).shuffle(questions)
    return World(folder, bundle, questions)


def write_question(model: str, row: dict[str, Any]) -> Question:
    """Write a question as a client asks it, in the benchmark's words."""
    messages = [{"role": "user", "content": row["input"]}]
    body = {"model": model, "user": row["user_id"], "messages": messages}
    return Question(row["user_id"], row["payload"], body)


def write_settings(folder: Path, place: str, changes: dict[str, Any], name: str = SETTINGS) -> Path:
    """Write a gateway's settings; returns the file."""
    key = {"name": "load", "tenant": TENANT, "sha256": hash_service_key(KEY)}
    settings = {
        "service_keys": [key],
        "store": {"place": place, "custody": "custody", "user_hash_key": "user_hash.key"},
        "limits": {"requests": NO_LIMIT},
        **changes,
    }
    path = folder / name
    path.write_text(json.dumps(settings), encoding="utf-8")  # which is YAML, too
    return path


def fill_store(
    model: PersonaModel, histories: Histories, users: Iterable[str], folder: Path, place: str
) -> None:
    """Write some users' items into a new store as the batch job does."""
    wanted = set(users)
    rows = [row for row in histories.items if row["user_id"] in wanted]
    vectors = model.encode_rendered([row["text"] for row in rows])
    items: dict[str, list[PersonaItem]] = {user: [] for user in wanted}
    for row, vector in zip(rows, vectors, strict=True):
        item = PersonaItem(
            item_id=row["item_id"],
            vector=vector,
            content_hash=hash_text(row["text"]),
            time=row["time"],
            output=row["output"],
            text=row["input"],
        )
        items[row["user_id"]].append(item)
    custody = open_custody(folder / "custody", load_key(folder / "user_hash.key"))
    card, config = model.card, PersonaStoreConfig(place=place, tenant=TENANT, num_shards=4)
    at = config.locate(folder)
    with (
        closing(custody),
        PersonaStore.open(at, custody, card.encoder_fingerprint, card.encoder_dim, config) as store,
    ):
        publish(store, items)


def publish(store: PersonaStore, items: dict[str, list[PersonaItem]]) -> None:
    """Publish users' items as the base of a store."""
    generation = store.generations.begin(store.watermarks())
    store.write_base(generation, items.items())
    for shard in range(store.num_shards):
        written = [
            (user, [item.item_id for item in own])
            for user, own in items.items()
            if store._namespace.shard_of(user) == shard
        ]
        taken_in = sum(len(ids) for _, ids in written)
        counts = ShardCounts(items_in=taken_in, carried=0, refused=0, encoded=0, seconds=0)
        store.finish_shard(generation, shard, written, counts)
    store.generations.publish(generation)


def write_bodies(path: Path, questions: Sequence[Question], **changes: Any) -> Path:
    """Write questions' bodies for the load generator, one JSON object a line."""
    lines = (json.dumps(question.body | changes) + "\n" for question in questions)
    path.write_text("".join(lines), encoding="utf-8")
    return path
