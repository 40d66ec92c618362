"""What is trained, saved and loaded again: exactly that, and all that outputs depend on."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from components.user_embedder.config import EmbedderConfig
from components.user_embedder.embedder_folder import (
    build_user_embedder,
    save_user_embedder,
    trained_names,
)
from components.user_embedder.user_embedder import Aggregation
from tests.components.tiny_models import WIDTH
from tests.components.user_embedder.cards import make_card

INSTRUCTION = {
    "instruction.vector",
    *(f"instruction.mlp.{layer}.{kind}" for layer in (0, 2) for kind in ("weight", "bias")),
}
PERSONA = {
    "aggregator.null_vector",
    "aggregator.null_logit",
    *(f"projector.{layer}.{kind}" for layer in ("first", "second") for kind in ("weight", "bias")),
}
BODY = "input_encoder.0.model"
LAYER = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
)
ENCODER = {
    f"{BODY}.embeddings.position_embeddings.weight",
    f"{BODY}.embeddings.token_type_embeddings.weight",
    *(f"{BODY}.embeddings.LayerNorm.{kind}" for kind in ("weight", "bias")),
    *(
        f"{BODY}.encoder.layer.{number}.{part}.{kind}"
        for number in (0, 1)
        for part in LAYER
        for kind in ("weight", "bias")
    ),
}
TRAINED = {
    Aggregation.NONE: INSTRUCTION,
    Aggregation.UNIFORM: INSTRUCTION | PERSONA,
    Aggregation.ATTENTION: INSTRUCTION | PERSONA | ENCODER | {"aggregator.slopes"},
}
SHARED = INSTRUCTION | PERSONA | {"aggregator.slopes"}
OPTIONS = {
    "shared": (EmbedderConfig(input_encoder="shared"), SHARED),
    "learned temperature": (
        EmbedderConfig(input_encoder="shared", learns_temperature=True),
        SHARED | {"aggregator.warming"},
    ),
    "three persona vectors": (EmbedderConfig(num_persona_tokens=3), TRAINED[Aggregation.ATTENTION]),
    "no recency": (EmbedderConfig(has_recency=False), INSTRUCTION | PERSONA | ENCODER),
}
STANDARDS = {"aggregator.center", "projector.spread"}
"""No parameters, but outputs depend on them as much."""
BATCH = {
    "input_ids": torch.tensor([[2, 40, 41, 3], [2, 50, 3, 0]]),
    "attention_mask": torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]]),
    "history": torch.randn(2, 3, WIDTH, generator=torch.Generator().manual_seed(0)),
    "history_mask": torch.tensor([[1, 1, 1], [0, 0, 0]]),
}


def save(folder, directory, aggregation=Aggregation.ATTENTION, config=None):
    """Save an embedder of which every trained weight differs from a fresh one's."""
    directory.mkdir()
    card = make_card(folder, aggregation, 12, 3.0)
    card = card.model_copy(update={"embedder": config or card.embedder})
    embedder = build_user_embedder(card)
    with torch.no_grad():
        for name in trained_names(embedder):
            embedder.get_parameter(name).add_(0.1)
    if aggregation is not Aggregation.NONE:
        embedder.standardize_by(torch.randn(9, WIDTH) * 2 + 1)
    return embedder.eval(), save_user_embedder(embedder, card, [{"step": 1}], directory)


@pytest.mark.parametrize("aggregation", Aggregation)
def test_what_is_trained_and_saved_is_exactly_this(encoder_folder, tmp_path, aggregation):
    embedder, folder = save(encoder_folder, tmp_path / "saved", aggregation)
    assert set(trained_names(embedder)) == TRAINED[aggregation]
    standards = set() if aggregation is Aggregation.NONE else STANDARDS
    assert set(load_file(folder.path / "user_embedder.safetensors")) == (
        TRAINED[aggregation] | standards
    )
    assert [path.name for path in folder.files()] == [
        "curve.json",
        "user_embedder.json",
        "user_embedder.safetensors",
    ]


@pytest.mark.parametrize("aggregation", Aggregation)
def test_a_reloaded_embedder_gives_equal_outputs(encoder_folder, tmp_path, aggregation):
    embedder, folder = save(encoder_folder, tmp_path / "saved", aggregation)
    torch.manual_seed(5)
    loaded = folder.load()
    with torch.no_grad():
        assert torch.equal(loaded(BATCH).vectors_BKD, embedder(BATCH).vectors_BKD)
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert not loaded.training
    assert folder.card() == make_card(encoder_folder, aggregation, 12, 3.0)
    assert folder.curve() == [{"step": 1}]


@pytest.mark.parametrize("option", OPTIONS)
def test_each_option_trains_and_saves_exactly_its_own(encoder_folder, tmp_path, option):
    config, expected = OPTIONS[option]
    embedder, folder = save(encoder_folder, tmp_path / "saved", config=config)
    assert set(trained_names(embedder)) == expected
    assert set(load_file(folder.path / "user_embedder.safetensors")) == expected | STANDARDS
    fresh = build_user_embedder(folder.card()).eval()
    with torch.no_grad():
        soft = folder.load()(BATCH)
        assert torch.equal(soft.vectors_BKD, embedder(BATCH).vectors_BKD)
        assert not torch.allclose(soft.vectors_BKD, fresh(BATCH).vectors_BKD)
    assert soft.vectors_BKD.shape == (2, 1 + config.num_persona_tokens, 12)
    assert soft.mask_BK.shape == (2, 1 + config.num_persona_tokens)


def test_a_shared_input_encoder_is_the_history_encoder(encoder_folder):
    shape = {"embedder": OPTIONS["shared"][0]}
    card = make_card(encoder_folder, Aggregation.ATTENTION, 12, 3.0)
    inputs = [BATCH["input_ids"], BATCH["attention_mask"]]
    with torch.no_grad():
        kept = build_user_embedder(card.model_copy(update=shape)).eval().encode_input(*inputs)
        trained = build_user_embedder(card).eval().encode_input(*inputs)
    assert torch.equal(kept, trained)


@pytest.mark.parametrize("change", ["missing", "unknown"])
def test_a_missing_or_unknown_key_is_refused(encoder_folder, tmp_path, change):
    _, folder = save(encoder_folder, tmp_path / "saved")
    path = folder.path / "user_embedder.safetensors"
    weights = load_file(path)
    if change == "missing":
        del weights["aggregator.null_vector"]
    else:
        weights["aggregator.extra"] = torch.zeros(1)
    save_file(weights, path)
    with pytest.raises(ValueError, match=r"keys missing or unknown: \['aggregator\."):
        folder.load()


def test_the_hash_tells_trained_embedders_apart(encoder_folder, tmp_path):
    torch.manual_seed(0)
    _, one = save(encoder_folder, tmp_path / "one")
    torch.manual_seed(0)
    _, same = save(encoder_folder, tmp_path / "same")
    torch.manual_seed(1)
    _, other = save(encoder_folder, tmp_path / "other")
    assert one.weights_hash() == same.weights_hash() != other.weights_hash()


def test_the_plug_in_is_small(encoder_folder, tmp_path):
    _, folder = save(encoder_folder, tmp_path / "saved")
    weights = load_file(folder.path / "user_embedder.safetensors")
    assert not any("word_embeddings" in name for name in weights)
    assert all(np.isfinite(tensor.numpy()).all() for tensor in weights.values())
