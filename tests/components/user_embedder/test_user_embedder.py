"""The soft prompt: what changes it and what must not."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from transformers.models.llama.modeling_llama import LlamaDecoderLayer

from components.encoders.config import EncoderConfig
from components.llm.frozen_llm import answer_loss, collate_prompts
from components.optimization.activations import checkpoint_activations
from components.user_embedder.aggregator import NUMBER_SCALE
from components.user_embedder.collator import Example, PersonaCollator
from components.user_embedder.config import EmbedderConfig
from components.user_embedder.embedder_folder import build_user_embedder, trained_names
from components.user_embedder.persona_llm import PersonaLLM
from components.user_embedder.user_embedder import Aggregation
from tests.components.tiny_models import WIDTH, make_llama, make_t5, write_sentence_encoder
from tests.components.user_embedder.cards import make_card

LLM_DIM, SCALE = 12, 3.0
PAYLOADS = ["a tale of time", "book", "sci-fi action based on a book"]


@pytest.fixture(scope="module")
def llm():
    return make_t5()


@pytest.fixture(scope="module")
def embedder(encoder_folder):
    return make_embedder(encoder_folder, Aggregation.ATTENTION)


def draw_history(num_items, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(num_items, WIDTH))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def make_embedder(folder, aggregation, has_recency=True, llm_dim=LLM_DIM):
    torch.manual_seed(0)
    card = make_card(folder, aggregation, llm_dim, SCALE)
    shape = card.embedder.model_copy(update={"has_recency": has_recency})
    embedder = build_user_embedder(card.model_copy(update={"embedder": shape})).eval()
    if aggregation is not Aggregation.NONE:
        embedder.standardize_by(torch.from_numpy(draw_history(50)).float())
    return embedder


def collate(llm, tokenizer, examples):
    card = make_card(Path("unread"), Aggregation.ATTENTION, LLM_DIM, SCALE)
    return PersonaCollator(llm, tokenizer, card, 32)(examples)


@pytest.fixture(scope="module")
def embed(llm, embedder):
    def soft_prompts(payloads, histories, embedder=embedder):
        examples = [Example(p, p, h) for p, h in zip(payloads, histories, strict=True)]
        with torch.no_grad():
            return embedder(collate(llm, tokenizer, examples)).vectors_BKD

    tokenizer = embedder.input_encoder.tokenizer
    return soft_prompts


HISTORIES = [draw_history(3, 1), draw_history(7, 2), draw_history(0)]


def test_padding_batch_size_and_batch_order_change_nothing(embed):
    together = embed(PAYLOADS, HISTORIES)
    alone = torch.cat([embed([p], [h]) for p, h in zip(PAYLOADS, HISTORIES, strict=True)])
    back = embed(PAYLOADS[::-1], HISTORIES[::-1]).flip(0)
    assert together.shape == (3, 2, LLM_DIM)
    torch.testing.assert_close(together, alone)
    torch.testing.assert_close(together, back)


def test_another_users_history_changes_the_persona_and_nothing_else(embed):
    own, others = (embed(PAYLOADS[:1], [draw_history(5, seed)])[0] for seed in (1, 2))
    assert (own[1] - others[1]).norm() > 0.01 * own[1].norm()
    torch.testing.assert_close(own[0], others[0])


def test_the_order_of_ones_own_history_changes_nothing_before_slopes_are_learned(embed):
    history = draw_history(6)
    shuffled = history[np.random.default_rng(0).permutation(6)]
    torch.testing.assert_close(embed(PAYLOADS[:1], [history]), embed(PAYLOADS[:1], [shuffled]))


@pytest.fixture(scope="module")
def forgetful(encoder_folder):
    """An embedder whose slopes say that an item counts half as much as the next newer one."""
    embedder = make_embedder(encoder_folder, Aggregation.ATTENTION)
    with torch.no_grad():
        embedder.aggregator.slopes[0] = math.log(2) / NUMBER_SCALE
    return embedder


def test_of_items_alike_the_newest_weighs_most(llm, forgetful):
    alike = draw_history(1).repeat(4, axis=0)
    examples = [Example(PAYLOADS[0], PAYLOADS[0], h) for h in (alike, draw_history(6), alike[:2])]
    batch = collate(llm, forgetful.input_encoder.tokenizer, examples)
    whole, _, short = forgetful.embed_user(batch).weights_BH
    torch.testing.assert_close(whole[:4] / whole[3], torch.tensor([1 / 8, 1 / 4, 1 / 2, 1]))
    torch.testing.assert_close(short[:2] / short[1], torch.tensor([1 / 2, 1]))


def test_the_order_of_ones_own_history_counts_with_slopes(embed, forgetful):
    history = draw_history(6)
    forth, back = (embed(PAYLOADS[:1], [h], forgetful)[0] for h in (history, history[::-1]))
    assert (forth[1] - back[1]).norm() > 0.01 * forth[1].norm()
    torch.testing.assert_close(forth[0], back[0])


def test_padding_batch_size_and_batch_order_change_nothing_with_slopes(embed, forgetful):
    pairs = list(zip(PAYLOADS, HISTORIES, strict=True))
    together = embed(PAYLOADS, HISTORIES, forgetful)
    alone = torch.cat([embed([p], [h], forgetful) for p, h in pairs])
    back = embed(PAYLOADS[::-1], HISTORIES[::-1], forgetful).flip(0)
    torch.testing.assert_close(together, alone)
    torch.testing.assert_close(together, back)


def test_without_recency_there_is_no_slope_and_no_order(embed, encoder_folder):
    paper = make_embedder(encoder_folder, Aggregation.ATTENTION, has_recency=False)
    timely = make_embedder(encoder_folder, Aggregation.ATTENTION)
    assert set(trained_names(timely)) - set(trained_names(paper)) == {"aggregator.slopes"}
    torch.testing.assert_close(
        embed(PAYLOADS, HISTORIES, paper), embed(PAYLOADS, HISTORIES, timely)
    )
    backwards = [history[::-1] for history in HISTORIES]
    torch.testing.assert_close(embed(PAYLOADS, HISTORIES, paper), embed(PAYLOADS, backwards, paper))


def test_a_mean_has_no_slopes(encoder_folder):
    uniform = make_embedder(encoder_folder, Aggregation.UNIFORM)
    assert "aggregator.slopes" not in set(trained_names(uniform))


def test_the_input_chooses_what_counts(embed, encoder_folder):
    history = draw_history(6)
    one, two = embed(PAYLOADS[:2], [history, history])
    assert (one[1] - two[1]).norm() > 1e-4
    uniform = make_embedder(encoder_folder, Aggregation.UNIFORM)
    one, two = embed(PAYLOADS[:2], [history, history], uniform)
    torch.testing.assert_close(one, two)


@pytest.mark.parametrize("aggregation", [Aggregation.ATTENTION, Aggregation.UNIFORM])
def test_an_empty_history_is_the_null_rows_projection(embed, encoder_folder, aggregation):
    embedder = make_embedder(encoder_folder, aggregation)
    null = embedder.aggregator.null_vector[None, None]
    expected = embedder.scale * embedder.projector(null, torch.ones(1, 1))[0, 0]
    # Alone (no history column at all) and beside a user with history.
    for histories in ([HISTORIES[2]], [HISTORIES[2], HISTORIES[1]]):
        soft = embed(PAYLOADS[: len(histories)], histories, embedder)
        torch.testing.assert_close(soft[0, 1], expected)


def test_an_empty_history_has_gradients(llm, encoder_folder):
    embedder = make_embedder(encoder_folder, Aggregation.ATTENTION)
    examples = [Example(PAYLOADS[0], PAYLOADS[0], history) for history in HISTORIES]
    batch = collate(llm, embedder.input_encoder.tokenizer, examples)
    embedder(batch).vectors_BKD.square().sum().backward()
    gradients = {n: p.grad for n, p in embedder.named_parameters() if p.requires_grad}
    missing = {name for name, gradient in gradients.items() if gradient is None}
    assert not missing
    assert all(torch.isfinite(gradient).all() for gradient in gradients.values())
    assert gradients["aggregator.null_vector"].norm() > 0
    assert gradients["aggregator.null_logit"].norm() > 0


def test_the_instruction_alone_reads_no_history(embed, encoder_folder):
    instruction = make_embedder(encoder_folder, Aggregation.NONE)
    soft = embed(PAYLOADS, HISTORIES, instruction)
    torch.testing.assert_close(soft, soft[:1].expand(3, 2, -1))
    assert {name.partition(".")[0] for name in trained_names(instruction)} == {"instruction"}


def test_weights_and_null_weight_sum_to_one(llm, embedder):
    examples = [Example(p, p, h) for p, h in zip(PAYLOADS, HISTORIES, strict=True)]
    persona = embedder.embed_user(collate(llm, embedder.input_encoder.tokenizer, examples))
    assert persona.weights_BH.shape == (3, 7)
    total = persona.weights_BH.sum(dim=1) + persona.null_weight_B
    torch.testing.assert_close(total, torch.ones(3))
    assert (persona.weights_BH > 0).sum(dim=1).tolist() == [3, 7, 0]


def test_inputs_are_unit_vectors_whatever_the_encoder_ends_with(tmp_path):
    folder = write_sentence_encoder(tmp_path / "plain", normalize=False)
    embedder = make_embedder(folder, Aggregation.ATTENTION)
    tokens = embedder.input_encoder.tokenizer(PAYLOADS, padding=True, return_tensors="pt")
    encoded = embedder.encode_input(tokens["input_ids"], tokens["attention_mask"])
    torch.testing.assert_close(encoded.norm(dim=1), torch.ones(3))


def test_the_input_encoder_starts_as_the_history_encoder(encoder_folder, embedder):
    encoder = SentenceTransformer(str(encoder_folder), device="cpu")
    tokens = encoder.tokenizer(PAYLOADS, padding=True, return_tensors="pt")
    encoded = embedder.encode_input(tokens["input_ids"], tokens["attention_mask"])
    history = encoder.encode(PAYLOADS, normalize_embeddings=True, convert_to_tensor=True)
    torch.testing.assert_close(encoded, history.clone(), atol=1e-5, rtol=0)


def test_a_history_encoder_in_half_precision_still_trains_in_full(encoder_folder):
    card = make_card(encoder_folder, Aggregation.ATTENTION, LLM_DIM, SCALE)
    half = EncoderConfig(name=str(encoder_folder), precision="bfloat16")
    embedder = build_user_embedder(card.model_copy(update={"encoder": half}))
    assert {parameter.dtype for parameter in embedder.parameters()} == {torch.float32}


def test_standards_are_the_average_item_and_its_spread(encoder_folder):
    embedder = make_embedder(encoder_folder, Aggregation.UNIFORM)
    vectors = torch.ones(2, WIDTH)
    vectors[1, 1:] = 3  # the first element is constant: its spread may not be divided by
    embedder.standardize_by(vectors)
    assert embedder.aggregator.center.tolist() == [1, *[2] * (WIDTH - 1)]
    torch.testing.assert_close(embedder.projector.spread[1:], torch.full((WIDTH - 1,), 2**0.5))
    assert 0 < embedder.projector.spread[0] < 0.001
    embedder.standardize_by(torch.full((1, WIDTH), 9.0))
    assert embedder.aggregator.center[1] == 2  # one vector says nothing of spread


def narrow(history):
    """Squeeze unit vectors into a narrow cone, as sentence vectors of one kind of text are."""
    vectors = 0.05 * history.astype(np.float32) + np.eye(WIDTH)[0]
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def test_the_soft_prompt_starts_at_about_the_llms_token_norm(embed, encoder_folder):
    """With a history, without one, and where vectors share most of their direction."""
    histories = [narrow(draw_history(5, 1)), draw_history(0), narrow(draw_history(2, 2))]
    embedder = make_embedder(encoder_folder, Aggregation.ATTENTION)
    embedder.standardize_by(torch.from_numpy(narrow(draw_history(200, 3))).float())
    with torch.no_grad():  # where a few steps may have moved it
        embedder.aggregator.null_vector.copy_(torch.randn(WIDTH) * embedder.projector.spread)
    lengths = embed(PAYLOADS, histories, embedder).norm(dim=2)
    assert (lengths > 0.1 * SCALE).all()
    assert (lengths < 10 * SCALE).all()


def test_without_an_embedder_it_is_the_llm_alone(llm):
    model = PersonaLLM(llm, None)
    batch = collate_prompts(llm, PAYLOADS, ["time", "action", "book"], 32)
    torch.testing.assert_close(model(**batch)["loss"], answer_loss(llm, None, batch))
    assert not list(filter(lambda p: p.requires_grad, model.parameters()))


def test_all_arms_keep_the_words_at_the_same_positions(llm, encoder_folder):
    """BERT counts masked places: an arm that left one out would read at other positions."""
    embedders = [make_embedder(encoder_folder, aggregation) for aggregation in Aggregation]
    examples = [Example(p, p, h) for p, h in zip(PAYLOADS, HISTORIES, strict=True)]
    batch = collate(llm, embedders[0].input_encoder.tokenizer, examples)
    softs = [PersonaLLM(llm, embedder).soft_prompt(batch) for embedder in [*embedders, None]]
    assert {tuple(soft.vectors_BKD.shape[:2]) for soft in softs} == {(3, 2)}
    masks = [soft.mask_BK[0].tolist() for soft in softs]
    assert masks == [[1, 1], [1, 1], [1, 0], [0, 0]]


def test_the_llm_never_drops_out_while_the_embedder_trains(encoder_folder):
    model = PersonaLLM(make_llama(), make_embedder(encoder_folder, Aggregation.ATTENTION)).train()
    assert not any(module.training for module in model.llm_model.modules())
    checkpoint_activations(model)
    told = {type(module) for module in model.train().llm_model.modules() if module.training}
    assert told == {LlamaDecoderLayer}  # which drops nothing out itself
    assert all(module.training for module in model.embedder.modules())


def test_config_needs_a_positive_temperature():
    with pytest.raises(ValueError, match="temperature"):
        EmbedderConfig(temperature=0)


@pytest.mark.parametrize("make", [make_t5, make_llama])
def test_activations_that_are_computed_twice_give_the_same_gradients(make, encoder_folder):
    """And nothing of the LLM drops out, though its layers are told that they train."""

    def read_gradients(twice):
        embedder = make_embedder(encoder_folder, Aggregation.UNIFORM, llm_dim=WIDTH)
        model = PersonaLLM(make(), embedder)
        if twice:
            checkpoint_activations(model)
        model.train()
        examples = [Example(p, p, h, "time") for p, h in zip(PAYLOADS, HISTORIES, strict=True)]
        saved = []
        keep = lambda tensor: saved.append(tensor.numel()) or tensor  # noqa: E731
        tokenizer = make_embedder(encoder_folder, Aggregation.ATTENTION).input_encoder.tokenizer
        batch = collate(model.llm, tokenizer, examples)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            loss = model(**batch)["loss"]
        loss.backward()
        gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
        return gradients, sum(saved)

    (once, kept), (twice, kept_of_twice) = read_gradients(False), read_gradients(True)
    assert once.keys() == twice.keys()
    for name, gradient in once.items():
        torch.testing.assert_close(twice[name], gradient, rtol=1e-5, atol=1e-7)
    assert kept_of_twice < 0.6 * kept


def test_a_model_says_how_spread_its_attention_and_how_large_its_persona_is(llm, encoder_folder):
    embedder = make_embedder(encoder_folder, Aggregation.ATTENTION, llm_dim=WIDTH)
    model = PersonaLLM(llm, embedder)
    assert PersonaLLM(llm, None).diagnose() == {}
    examples = [Example(p, p, h, "time") for p, h in zip(PAYLOADS, HISTORIES, strict=True)]
    model(**collate(llm, embedder.input_encoder.tokenizer, examples))
    found = model.diagnose()
    assert 0 < found["attention_entropy"] < math.log(8)
    persona = embedder.last_persona.embedding_BMD.norm(dim=-1).mean()
    assert found["persona_norm"] == pytest.approx(float(persona) / llm.token_norm)


def test_a_settled_embedder_says_the_same(embed, encoder_folder):
    embedder = make_embedder(encoder_folder, Aggregation.ATTENTION)
    before = embed(["a book"], [draw_history(3)], embedder)
    embedder.settle()
    assert torch.equal(embed(["a book"], [draw_history(3)], embedder), before)
    with torch.no_grad():
        embedder.instruction.vector += 1  # too late: it is not computed again
    assert torch.equal(embed(["a book"], [draw_history(3)], embedder), before)
