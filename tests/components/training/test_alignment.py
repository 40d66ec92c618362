"""The alignment: a projected item says its output's words, and nothing else has moved."""

import numpy as np
import pytest
import torch

from components.llm.prepare import split_train_rows
from components.training.alignment import align_projector, embed_words, mix_words
from components.training.config import AlignmentConfig
from components.training.examples import build_examples
from components.training.train import prepare_projector
from components.user_embedder.embedder_folder import build_user_embedder
from components.user_embedder.user_embedder import Aggregation
from tests.components.tiny_models import WIDTH, make_t5
from tests.components.user_embedder.cards import make_card

CONFIG = AlignmentConfig(num_steps=200, batch_size=16, learning_rate=0.02)
WORDS = ("action", "classic", "romance")
KINDS = ("weight", "bias")


@pytest.fixture
def items():
    """Items of three outputs; vectors of an output lie close together."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(3, WIDTH))
    return [
        (WORDS[row % 3], (centers[row % 3] + 0.1 * rng.normal(size=WIDTH)).astype(np.float16))
        for row in range(30)
    ]


def make_embedder(encoder_folder, llm):
    torch.manual_seed(0)
    card = make_card(encoder_folder, Aggregation.ATTENTION, llm.embedding_dim, llm.token_norm)
    return build_user_embedder(card)


def test_a_text_is_the_mean_of_its_tokens():
    llm = make_t5()
    table = llm.model.get_input_embeddings().weight
    a, b = llm.tokenizer.convert_tokens_to_ids(["a", "b"])
    found = embed_words(llm, ["aab", ""])
    torch.testing.assert_close(found[0], (2 * table[a] + table[b]) / 3)
    assert not found[1].any()
    assert not found.requires_grad


def test_an_output_is_mixed_with_what_goes_with_it():
    llm = make_t5()
    a, b, c = embed_words(llm, ["a", "b", "c"])
    found = mix_words(llm, ["a", "b"], {"a": {"a": 0.25, "c": 0.75}}, 0.5)
    torch.testing.assert_close(found[0], 0.625 * a + 0.375 * c)
    assert torch.equal(found[1], b)
    assert torch.equal(mix_words(llm, ["a"], {"a": {"a": 1.0}}, 0.5)[0], a)
    assert torch.equal(mix_words(llm, ["a"], {"a": {"c": 1.0}}, 0.0)[0], a)


def test_a_projector_is_aligned_with_what_goes_with_an_output(encoder_folder, items):
    llm = make_t5()
    embedder = make_embedder(encoder_folder, llm)
    always = CONFIG.model_copy(update={"companion_share": 1.0})
    align_projector(embedder, llm, items, {"action": {"romance": 1.0}}, always, 0)
    vectors = torch.from_numpy(np.stack([vector for _, vector in items])).float()
    said = embedder.scale * embedder.projector(vectors[:, None], torch.ones(len(items), 1))
    nearest = torch.cdist(said[:, 0], embed_words(llm, list(WORDS))).argmin(dim=1)
    assert nearest.tolist() == [[2, 1, 2][row % 3] for row in range(30)]


def test_an_aligned_projector_says_the_outputs_words(encoder_folder, items):
    llm = make_t5()
    embedder = make_embedder(encoder_folder, llm)
    before = {name: tensor.clone() for name, tensor in embedder.state_dict().items()}
    words = {name: tensor.clone() for name, tensor in llm.model.state_dict().items()}
    left = align_projector(embedder, llm, items, {}, CONFIG, 0)
    assert left < 0.1
    vectors = torch.from_numpy(np.stack([vector for _, vector in items])).float()
    said = embedder.scale * embedder.projector(vectors[:, None], torch.ones(len(items), 1))
    nearest = torch.cdist(said[:, 0], embed_words(llm, list(WORDS))).argmin(dim=1)
    assert nearest.tolist() == [row % 3 for row in range(30)]
    moved = {n for n, tensor in embedder.state_dict().items() if not torch.equal(tensor, before[n])}
    layers = {f"projector.{layer}.{kind}" for layer in ("first", "second") for kind in KINDS}
    assert moved == layers
    assert all(torch.equal(words[name], t) for name, t in llm.model.state_dict().items())


def test_a_seed_aligns_the_same_way(encoder_folder, items):
    llm = make_t5()

    def align(seed):
        embedder = make_embedder(encoder_folder, llm)
        align_projector(embedder, llm, items, {}, CONFIG, seed)
        return embedder.projector.first.weight

    assert torch.equal(align(0), align(0))
    assert not torch.equal(align(0), align(1))


def test_standards_come_from_the_embedders_train_histories_alone(artifacts, recipe, trained):
    questions, items = artifacts.histories.questions, artifacts.histories.items
    _, train_rows = split_train_rows(questions, recipe.llm)
    users = {questions[int(row)]["user_id"] for row in train_rows}
    rows = [row for row, user in enumerate(items["user_id"]) if user in users]
    vectors = artifacts.vectors.open()[rows].astype(np.float32)
    assert 0 < len(rows) < len(items)
    for name in ("persona", "mean_pooling"):
        embedder = trained.arm(name).load()
        center, spread = embedder.aggregator.center, embedder.projector.spread
        np.testing.assert_allclose(center, vectors.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(spread, vectors.std(axis=0, ddof=1), atol=1e-4)


def test_without_any_train_history_the_projector_stays(encoder_folder, artifacts, recipe):
    llm = make_t5()
    embedder = make_embedder(encoder_folder, llm)
    before = {name: tensor.clone() for name, tensor in embedder.state_dict().items()}
    shown = build_examples(artifacts.histories.questions, artifacts.vectors.open(), [], recipe.llm)
    prepare_projector(embedder, llm, artifacts, shown, recipe)
    assert all(torch.equal(before[name], t) for name, t in embedder.state_dict().items())
