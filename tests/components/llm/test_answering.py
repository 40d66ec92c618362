"""Labels are scored by their tokens' log-probabilities, and free answers are generated."""

import pytest
import torch

from components.llm.answering import (
    answer_prompts,
    build_answer_rule,
    generate_answers,
    pick_labels,
)
from components.llm.config import LLMConfig
from components.llm.frozen_llm import (
    SoftPrompt,
    answer_loss,
    collate_prompts,
    tokenize_answers,
)
from components.llm.label_scores import grow_tree, score_labels
from components.tasks.task import Task
from tests.components.tiny_models import KINDS, WIDTH, make_llm

PROMPTS = ["a tale of time travel", "book", "on a book"]
LABELS = ("sci-fi", "based on a book", "sci-fa", "sci", "action")
FREE, SCORED = LLMConfig(max_new_tokens=6), LLMConfig()


def make_task(labels=LABELS, kind="classification"):
    return Task(
        name="invented",
        kind=kind,
        labels=labels,
        prompt="{payload}",
        input_field="text",
        output_field=None,
        history_template="{text}",
    )


TEXT = make_task((), "text")


@pytest.fixture(scope="module", params=KINDS)
def llm(request, encoder_folder):
    return make_llm(request.param, encoder_folder)


def soft_prompts(batch_size, seed=0, size=3.0):
    generator = torch.Generator().manual_seed(seed)
    vectors = size * torch.randn(batch_size, 2, WIDTH, generator=generator)
    return SoftPrompt(vectors, torch.ones(vectors.shape[:2]))


def pick(soft, row):
    return SoftPrompt(soft.vectors_BKD[row, None], soft.mask_BK[row, None])


def score_slowly(llm, soft, prompt, label):
    """Return a label's log-probability by the loss that trains: mean over tokens, times tokens."""
    count = len(tokenize_answers(llm, [label])[0])
    return -count * float(answer_loss(llm, soft, collate_prompts(llm, [prompt], [label], 64)))


def test_scores_are_the_sums_of_the_tokens_log_probabilities(llm):
    soft, rule = soft_prompts(3), build_answer_rule(llm, make_task(), SCORED)
    batch = collate_prompts(llm, PROMPTS, None, 64)
    scores = score_labels(llm, soft, batch, rule.label_ids)
    with torch.no_grad():
        expected = [
            [score_slowly(llm, pick(soft, row), prompt, label) for label in LABELS]
            for row, prompt in enumerate(PROMPTS)
        ]
    torch.testing.assert_close(scores, torch.tensor(expected), atol=1e-4, rtol=1e-4)


def test_the_likeliest_label_alone_is_found_without_reading_all(llm):
    rule = build_answer_rule(llm, make_task(), SCORED)
    batch = collate_prompts(llm, [letter * 3 for letter in "abcdefghijklmnop"], None, 64)
    pruned = 0
    for seed in range(6):
        soft = soft_prompts(16, seed, 3.0 * seed)
        scores = score_labels(llm, soft, batch, rule.label_ids)
        best = score_labels(llm, soft, batch, rule.label_ids, only_best=True)
        assert best.argmax(dim=1).tolist() == scores.argmax(dim=1).tolist()
        read = best.isfinite()
        torch.testing.assert_close(best[read], scores[read], atol=1e-4, rtol=1e-4)
        pruned += int((~read).sum())
    assert pruned > 0


def test_scored_answers_of_a_batch_are_those_of_its_rows(llm):
    soft = soft_prompts(3)
    for task in (make_task(), TEXT):
        rule = build_answer_rule(llm, task, FREE)
        together = answer_prompts(llm, soft, collate_prompts(llm, PROMPTS, None, 64), rule)
        alone = [
            answer_prompts(llm, pick(soft, row), collate_prompts(llm, [prompt], None, 64), rule)[0]
            for row, prompt in enumerate(PROMPTS)
        ]
        assert together == alone


def test_scored_answers_are_always_labels(llm):
    rule = build_answer_rule(llm, make_task(), SCORED)
    batch = collate_prompts(llm, [letter * 3 for letter in "abcdefghijklmnop"], None, 64)
    given = {
        answer
        for seed in range(3)
        for answer in answer_prompts(llm, soft_prompts(16, seed), batch, rule)
    }
    assert given <= set(LABELS)


def test_an_llm_that_is_not_asked_for_labels_answers_freely(llm):
    generated = build_answer_rule(llm, make_task(), LLMConfig(answers="generation"))
    batch, soft = collate_prompts(llm, PROMPTS, None, 64), soft_prompts(3)
    answers = answer_prompts(llm, soft, batch, generated)
    assert answers == generate_answers(llm, soft, batch, build_answer_rule(llm, TEXT, SCORED))
    assert not set(answers) <= set(LABELS)  # random weights say anything


def test_a_tree_shares_what_labels_begin_with():
    levels = grow_tree([(5, 1), (5, 6, 1), (5, 6, 7, 1), (8, 6, 1)])
    assert [level.nodes for level in levels] == [
        [()],
        [(5,), (8,)],
        [(5, 6), (8, 6)],
        [(5, 6, 7)],
    ]
    assert [level.parents for level in levels] == [[0], [0, 0], [0, 1], [0]]


@pytest.mark.parametrize(
    ("shares", "mode", "median"),
    [
        ([0.4, 0.1, 0.1, 0.1, 0.3], 0, 1),
        ([0.5, 0.1, 0.1, 0.1, 0.2], 0, 0),  # half of it is reached at the first
        ([0.0, 0.1, 0.2, 0.3, 0.4], 4, 3),
        ([0.4, 0.0, 0.2, 0.0, 0.4], 0, 2),
    ],
)
def test_the_median_by_hand(shares, mode, median):
    scores = torch.tensor([shares]).log() - 3.0  # the labels need not have all of the mass
    assert pick_labels(scores, False).tolist() == [mode]
    assert pick_labels(scores, True).tolist() == [median]


def test_only_an_ordinal_task_answers_the_median(encoder_folder):
    llm = make_llm("warm_start", encoder_folder)
    ordinal = make_task(("1", "2", "3"), "ordinal")
    assert build_answer_rule(llm, ordinal, SCORED).is_median
    assert not build_answer_rule(llm, ordinal, LLMConfig(ordinal_answer="mode")).is_median
    assert not build_answer_rule(llm, ordinal, LLMConfig(answers="generation")).is_median
    assert not build_answer_rule(llm, make_task(), SCORED).is_median


def test_a_label_survives_a_tokenizer_that_spells_it_otherwise(encoder_folder):
    llm = make_llm("warm_start", encoder_folder)
    ids = tokenize_answers(llm, ["sci-fi"])
    assert llm.tokenizer.batch_decode(ids, skip_special_tokens=True) == ["sci - fi"]
    task = make_task(("sci-fi", "sci-book"))
    for config in (SCORED, LLMConfig(answers="generation", max_new_tokens=1)):
        rule = build_answer_rule(llm, task, config)
        assert rule.spelling["sci - fi"] == "sci-fi"
    assert rule.max_new_tokens == 4  # sci, -, fi and the end
    batch = collate_prompts(llm, PROMPTS, None, 64)
    assert set(answer_prompts(llm, None, batch, build_answer_rule(llm, task, SCORED))) <= {
        "sci-fi",
        "sci-book",
    }


def test_labels_that_the_tokenizer_cannot_tell_apart_are_refused(encoder_folder):
    llm = make_llm("warm_start", encoder_folder)
    with pytest.raises(ValueError, match=r"cannot tell.*'Action'"):
        build_answer_rule(llm, make_task(("action", "Action")), SCORED)


def test_free_text_stops_at_the_longest_answer(llm):
    rule = build_answer_rule(llm, TEXT, LLMConfig(max_new_tokens=3))
    batch = collate_prompts(llm, PROMPTS, None, 64)
    for answer in generate_answers(llm, soft_prompts(3), batch, rule):
        assert len(tokenize_answers(llm, [answer])[0]) - 1 <= 3 * 3  # a broken byte is three
