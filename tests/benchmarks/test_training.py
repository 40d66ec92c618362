"""The references compute what ours does, so that only speed is compared; and the command runs."""

import json
import sys

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks import training
from benchmarks.training import build_ours, build_world, main, measure_history_memory
from benchmarks.training_references import Copies, ReferenceCollator, ReferencePPlug
from benchmarks.training_world import invent_events, list_questions
from components.user_embedder.collator import Example
from components.user_embedder.config import EmbedderConfig


@pytest.fixture(scope="module")
def world():
    return build_world(None, "tiny", batch_size=4, num_questions=32)


def copy_weights(target: nn.Module, source: nn.Module) -> None:
    target.load_state_dict(source.state_dict())


@pytest.mark.parametrize("pads_all", [False, True], ids=["good", "paper"])
def test_the_references_compute_our_loss(world, monkeypatch, pads_all):
    """As the paper's embedder: temperature 1, no recency, and a null row that weighs nothing."""
    paper = EmbedderConfig(temperature=None, has_recency=False)
    monkeypatch.setattr(training, "EMBEDDER", paper)
    ours, collate = build_ours(world)
    embedder = ours.embedder
    dim = world.vectors.shape[1]
    theirs = ReferencePPlug(world.llm, embedder.input_encoder, dim, paper.hidden_dim)
    with torch.no_grad():
        embedder.aggregator.null_logit.fill_(-1e9)
        theirs.instruction.copy_(embedder.instruction.vector)
    copy_weights(theirs.instruction_mlp, embedder.instruction.mlp)
    copy_weights(theirs.projector[0], embedder.projector.first)
    copy_weights(theirs.projector[2], embedder.projector.second)
    chosen = world.questions[:3]
    examples = [Example(q.text, q.text, world.vectors[q.history], q.answer) for q in chosen]
    reference = ReferenceCollator(world.llm, world.vectors, pads_all)
    batch = reference([(question, question.history) for question in chosen])
    with torch.no_grad():
        expected = float(ours.eval()(**collate(examples))["loss"])
        found = float(theirs.eval()(**batch)["loss"])
    assert found == pytest.approx(expected, rel=1e-4)
    widths = (batch["llm_input_ids"].shape[1], batch["history"].shape[1])
    assert (widths == (256, 512)) is pads_all


def test_each_question_is_shown_eleven_times_and_once_whole(world):
    copies = Copies(world.questions[:5])
    assert len(copies) == 55
    for place in range(0, 55, 11):
        question, whole = copies[place]
        assert np.array_equal(whole, question.history)
        for question_again, kept in (copies[row] for row in range(place, place + 11)):
            assert question_again is question
            assert set(kept) <= set(whole)
            assert len(kept) >= len(whole) / 2


def test_invented_histories_are_as_long_as_the_critics():
    users = invent_events()
    questions, num_items = list_questions(users, 10_000)
    sizes = [len(events) for events in users.values()]
    assert 20 <= np.median(sizes) <= 30
    assert 15 <= np.mean([len(question.text.split()) for question in questions]) <= 25
    assert num_items == sum(sizes)
    assert all(len(question.history) <= 512 for question in questions)


def test_ours_holds_a_fraction_of_the_authors_histories(world):
    assert 0 < measure_history_memory(world) < 0.25


def test_the_command_ends_with_one_json_object(monkeypatch, capsys):
    command = ["training", "--shape", "tiny", "--questions", "32", "--batch-size", "4", "--json"]
    monkeypatch.setattr(sys, "argv", [*command, "--rounds", "1", "--paper-steps", "1"])
    main()
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["speedup_vs_paper_recipe"] > 0
    assert result["speedup_vs_good_trainer"] > 0
    assert 0 < result["history_memory_ratio"] < 1
    assert sum(result["split"].values()) == pytest.approx(1, abs=0.01)
    assert all(0 <= share <= 1 for share in result["split"].values())
    assert set(result["seconds_per_question"]) == {"ours", "good", "paper"}
    assert result["operations_per_question"]["LLM"] > 0
    assert result["histories"] == "invented"
