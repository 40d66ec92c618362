"""Invented items: what is secret in them, how they are worded, and how they vary."""

from collections import Counter

import numpy as np
import pytest

from components.inversion.canaries import (
    CANARY_FRAMES,
    KNOWN_FRAMES,
    WORDS,
    InventedItem,
    invent_items,
)
from components.tasks.lamp import LAMP_1, LAMP_2, LAMP_4, LAMP_7
from components.tasks.task import Task
from components.tasks.templates import name_fields

ITEM = InventedItem(
    frame="{name}, {number} {street} Street: {condition}",
    words={"name": "Olga", "street": "Elm", "number": "12", "condition": "gout"},
    output="comedy",
)
SENTENCE = "Olga, 12 Elm Street: gout"
OUTPUT_LAST = Task(
    name="mine",
    kind="text",
    prompt="{payload}",
    input_field="said",
    output_field="mood",
    history_template="{said} | {mood}",
)


def test_every_word_is_as_good_a_guess_as_another():
    assert {len(words) for words in WORDS.values()} == {48}
    listed = Counter(word for words in WORDS.values() for word in words)
    assert set(listed.values()) == {1}


def test_sentences_have_one_secret_of_each_kind_and_give_none_away():
    for frame in (*KNOWN_FRAMES, *CANARY_FRAMES):
        assert sorted(name_fields(frame)) == sorted(WORDS)
        assert frame.count("{") == 4
        plain = set(frame.replace(",", " ").replace(".", " ").split())
        assert not plain & {word for words in WORDS.values() for word in words}
    assert not set(KNOWN_FRAMES) & set(CANARY_FRAMES)


@pytest.mark.parametrize(
    ("task", "text"),
    [
        (LAMP_2, f"tag: comedy description: {SENTENCE}"),
        (LAMP_1, f"title: A note to myself. abstract: {SENTENCE}"),
        (LAMP_4, f"title: comedy article: {SENTENCE}"),
        (LAMP_7, SENTENCE),
        (OUTPUT_LAST, f"{SENTENCE} | comedy"),
        (OUTPUT_LAST.model_copy(update={"history_template": "{mood}"}), SENTENCE),
    ],
)
def test_an_item_is_worded_like_the_tasks(task, text):
    assert ITEM.render(task) == text


def test_a_variant_differs_in_one_word():
    rng = np.random.default_rng(0)
    for kind in WORDS:
        for _ in range(100):
            varied = ITEM.vary(kind, rng)
            assert {k for k in WORDS if varied.words[k] != ITEM.words[k]} == {kind}
            assert varied.words[kind] in WORDS[kind]
            assert (varied.frame, varied.output) == (ITEM.frame, ITEM.output)


def test_items_are_drawn_alike_by_the_seed():
    def draw(seed, outputs=("a", "b")):
        return invent_items(500, KNOWN_FRAMES, outputs, np.random.default_rng(seed))

    assert draw(1) == draw(1) != draw(2)
    for kind, words in WORDS.items():
        assert {item.words[kind] for item in draw(1)} == set(words)  # missed by 1 in 800
    assert {item.frame for item in draw(1)} == set(KNOWN_FRAMES)
    assert {item.output for item in draw(1)} == {"a", "b"}
    assert {item.output for item in draw(1, outputs=())} == {"A note to myself."}
