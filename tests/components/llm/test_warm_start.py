"""The warm start: what it takes from the sentence encoder, what it tunes, what hints say."""

from collections import Counter

import numpy as np
import pytest
import torch

from components.llm.config import WarmStartConfig, WarmStartFit
from components.llm.warm_start import (
    TuningExample,
    TuningExamples,
    collate_tuning,
    draw_hint,
    expect_answers,
    tune_on_questions,
)
from components.llm.warm_start import _HintedLLM as HintedLLM
from tests.components.tiny_models import make_warm_start

LABELS = ("a", "b", "c", "d", "e")
FIT = WarmStartFit(num_epochs=20, batch_size=4, learning_rate=0.01, encoder_learning_rate=0.01)
CONFIG = WarmStartConfig(
    num_decoder_layers=1, num_frozen_layers=1, hint_rate=0.5, max_hint_labels=3, fit=FIT
)


def draw_many(truth):
    config = CONFIG.model_copy(update={"hint_truth": truth})
    return [draw_hint("c", LABELS, config, np.random.default_rng(seed)) for seed in range(400)]


def test_a_hint_names_one_to_three_labels_and_tells_the_truth_as_often_as_said():
    assert {name for hint in draw_many(1.0) for name in hint} == {"c"}
    named = Counter(name for hint in draw_many(0.25) for name in hint)
    total = sum(named.values())
    # A quarter of them are the answer, and of the rest a fifth by chance (each label was given
    # equally often): 0.25 + 0.75 / 5.
    assert named["c"] / total == pytest.approx(0.4, abs=0.04)
    assert named["a"] / total == pytest.approx(0.15, abs=0.04)
    assert {len(hint) for hint in draw_many(0.25)} == {1, 2, 3}


def test_hints_are_seeded_by_run_epoch_and_question():
    def hints(seed, epoch):
        examples = TuningExamples(["x"] * 40, LABELS * 8, LABELS, CONFIG, seed)
        examples.set_epoch(epoch)
        return [examples[index].hint for index in range(40)]

    assert hints(0, 0) == hints(0, 0)
    assert hints(0, 0) != hints(0, 1)
    assert hints(0, 0) != hints(1, 0)
    assert len(set(hints(0, 0))) > 5
    assert 10 < sum(map(bool, hints(0, 0))) < 30


def test_without_labels_or_rate_there_are_no_hints():
    for labels, rate in (((), 1.0), (LABELS, 0.0)):
        config = CONFIG.model_copy(update={"hint_rate": rate})
        examples = TuningExamples(["x"] * 9, ["a"] * 9, labels, config, 0)
        assert {examples[index] for index in range(9)} == {("x", "a", ())}


def test_a_hint_stands_where_a_persona_will_as_the_mean_of_its_words(encoder_folder):
    llm = make_warm_start(encoder_folder)
    examples = [TuningExample("tale", "a", ("sci-fi", "book")), TuningExample("time", "b", ())]
    batch = collate_tuning(llm, examples, 32)
    soft = HintedLLM(llm).embed_hints(batch["hint_ids"], batch["hint_mask"])
    ids = llm.tokenizer.convert_tokens_to_ids(["sci", "-", "fi", "book"])
    mean = llm.model.get_input_embeddings().weight[ids].mean(dim=0)
    torch.testing.assert_close(soft.vectors_BKD[0, 1], mean)
    assert soft.mask_BK.tolist() == [[0, 1], [0, 0]]
    bare = collate_tuning(llm, examples[1:], 32)
    assert bare["hint_ids"].shape == (1, 0)
    assert HintedLLM(llm).embed_hints(bare["hint_ids"], bare["hint_mask"]).mask_BK.tolist() == [
        [0, 0]
    ]


@pytest.mark.parametrize(
    ("kind", "tuned"),
    [
        (
            "encoder_decoder",
            ("encoder.encoder.layer.1.", "decoder.bert.encoder.layer.0.", "decoder.cls."),
        ),
        ("causal", ("bert.encoder.layer.1.", "cls.")),
    ],
)
def test_tuning_learns_and_leaves_embeddings_and_lower_layers_alone(encoder_folder, kind, tuned):
    llm = make_warm_start(encoder_folder, kind=kind)
    before = {name: weight.clone() for name, weight in llm.model.state_dict().items()}
    prompts, answers = ["tale", "book", "time", "action"] * 2, ["a", "b", "c", "d"] * 2
    examples = TuningExamples(prompts, answers, LABELS, CONFIG, 0)
    dev = TuningExamples(prompts, answers, LABELS, CONFIG.model_copy(update={"hint_rate": 0.0}), 0)
    curve = tune_on_questions(llm, examples, dev, 32)
    dev_losses = [point["dev_loss"] for point in curve if "dev_loss" in point]
    assert dev_losses[-1] < dev_losses[0]
    moved = {
        n for n, weight in llm.model.state_dict().items() if not torch.equal(weight, before[n])
    }
    assert all(any(name.startswith(start) for name in moved) for start in tuned)
    assert all(name.startswith(tuned) and "embeddings" not in name for name in moved)
    assert not llm.model.training
    assert not any(parameter.requires_grad for parameter in llm.model.parameters())


def test_an_untuned_llm_expects_the_answers_by_how_often_they_are_given(encoder_folder):
    llm = make_warm_start(encoder_folder)
    expect_answers(llm, ["a", "a", "a", "b"])
    a, b, end = (llm.tokenizer.convert_tokens_to_ids(token) for token in ("a", "b", "[SEP]"))
    expected = llm.model.get_output_embeddings().bias.exp()
    assert expected.sum().item() == pytest.approx(1, abs=1e-4)
    assert (expected[a] / expected[b]).item() == pytest.approx(3, rel=0.02)
    assert (expected[end] / expected[a]).item() == pytest.approx(4 / 3, rel=0.02)
    unseen = llm.tokenizer.convert_tokens_to_ids("c")
    assert 0 < expected[unseen].item() < 0.002
