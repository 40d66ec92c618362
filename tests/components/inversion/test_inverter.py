"""From vectors to words, against a plain reference and by hand."""

import numpy as np
from sklearn.linear_model import Ridge

from components.inversion.canaries import KNOWN_FRAMES, WORDS, invent_items
from components.inversion.inverter import Inverter


def make_texts(num_texts, seed=0):
    """Return words and vectors of length 1: noise beside two numbers that tell the house number."""
    rng = np.random.default_rng(seed)
    words = [item.words for item in invent_items(num_texts, KNOWN_FRAMES, (), rng)]
    turns = 2 * np.pi * np.array([int(text["number"]) for text in words]) / 48
    vectors = np.column_stack([np.cos(turns), np.sin(turns), rng.normal(0, 0.1, (num_texts, 3))])
    return words, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_it_guesses_as_a_ridge_regression_for_each_word_does():
    words, vectors = make_texts(300)
    others = make_texts(50, seed=1)[1]
    guesses = Inverter(vectors, words).guess(others)
    for kind, listed in WORDS.items():
        has = np.array([[text[kind] == word for word in listed] for text in words], dtype=float)
        scores = Ridge(alpha=0.3).fit(vectors, has).predict(others)
        expected = [listed[best] for best in scores.argmax(axis=1)]
        assert [guess[kind] for guess in guesses] == expected


def test_a_word_with_a_direction_of_its_own_is_found_and_others_are_not():
    words = [item.words for item in invent_items(2000, KNOWN_FRAMES, (), np.random.default_rng(0))]
    vectors = np.array([np.eye(48)[WORDS["street"].index(text["street"])] for text in words])
    truths = words[:200]
    guesses = Inverter(vectors[200:], words[200:]).guess(vectors[:200])
    right = {
        kind: sum(guess[kind] == truth[kind] for guess, truth in zip(guesses, truths, strict=True))
        for kind in WORDS
    }
    assert right["street"] == 200
    assert max(right["name"], right["number"], right["condition"]) < 20  # 4 of 200 by chance


def test_blind_guesses_are_the_most_frequent_words():
    words = [
        {"name": "Olga", "street": "Elm", "number": "12", "condition": "gout"},
        {"name": "Ivan", "street": "Elm", "number": "13", "condition": "acne"},
        {"name": "Olga", "street": "Ivy", "number": "13", "condition": "gout"},
        {"name": "Zelda", "street": "Ivy", "number": "13", "condition": "acne"},
    ]
    assert Inverter(np.eye(4), words).guess_blindly() == {
        "name": "Olga",
        "street": "Elm",
        "number": "13",
        "condition": "acne",
    }
