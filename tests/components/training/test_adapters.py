"""Adapters on the input encoder: they alone are trained, and are folded in when it is saved."""

import pytest
import torch

from components.training.adapters import add_adapters, fold_adapters
from components.training.train import TrainedArm, train_user_embedder
from components.user_embedder.config import EmbedderConfig
from components.user_embedder.embedder_folder import build_user_embedder, trained_names
from components.user_embedder.user_embedder import Aggregation
from tests.components.user_embedder.cards import make_card

IDS = torch.tensor([[2, 40, 41, 3], [2, 50, 3, 0]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
CONFIG = EmbedderConfig(input_encoder="lora", lora_rank=2, hidden_dim=8)


@pytest.fixture
def embedder(encoder_folder):
    card = make_card(encoder_folder, Aggregation.ATTENTION, 12, 3.0)
    return build_user_embedder(card.model_copy(update={"embedder": CONFIG})).eval()


def test_they_start_as_nothing_and_are_all_that_is_trained_of_the_encoder(embedder):
    before = embedder.encode_input(IDS, MASK)
    add_adapters(embedder, 2)
    embedder.eval()
    torch.testing.assert_close(embedder.encode_input(IDS, MASK), before)
    of_encoder = [name for name in trained_names(embedder) if name.startswith("input_encoder.")]
    assert of_encoder
    assert all("lora_" in name for name in of_encoder)
    linear = ("query", "key", "value", "dense")
    layers = {name.partition(".lora_")[0] for name in of_encoder}
    assert len(layers) == 12  # six linear layers in each of two
    assert all(name.endswith(linear) and "pooler" not in name for name in layers)


def test_folding_them_in_changes_no_output_and_leaves_plain_layers(embedder):
    names = set(embedder.state_dict())
    plain = embedder.encode_input(IDS, MASK)
    add_adapters(embedder, 2)
    embedder.eval()
    with torch.no_grad():
        for name, parameter in embedder.named_parameters():
            if "lora_" in name:
                parameter.add_(0.2 * torch.randn_like(parameter))
    adapted = embedder.encode_input(IDS, MASK)
    assert not torch.allclose(adapted, plain, atol=1e-3)
    fold_adapters(embedder)
    assert set(embedder.state_dict()) == names
    torch.testing.assert_close(embedder.encode_input(IDS, MASK), adapted, rtol=1e-5, atol=1e-6)


def test_a_training_with_them_is_saved_as_one_without(artifacts, recipe, tmp_path):
    shape = recipe.embedder.model_copy(update={"input_encoder": "lora", "lora_rank": 2})
    recipe = recipe.model_copy(update={"embedder": shape})
    made = train_user_embedder(artifacts, recipe, TrainedArm(Aggregation.ATTENTION), tmp_path)
    loaded, fresh = made.load(), build_user_embedder(made.card()).eval()
    moved = [
        name
        for name, weight in loaded.input_encoder.state_dict().items()
        if not torch.equal(weight, fresh.input_encoder.state_dict()[name])
    ]
    assert moved
    assert all(name.endswith(".weight") and "LayerNorm" not in name for name in moved)
