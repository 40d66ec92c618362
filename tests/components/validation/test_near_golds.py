"""Golds in their own history: planted ones, their clean twins, and against a slow plain search."""

import numpy as np
import pyarrow as pa
import pytest

from components.validation.folded_texts import MIN_LENGTH
from components.validation.near_golds import GoldCopies, find_golds
from components.validation.near_texts import NEAR
from tests.components.validation.texts import (
    change_words,
    compare,
    draw_text,
    list_words,
    to_column,
)

GOLD = "one two three four five six seven eight nine ten"
ARTICLE = "red orange yellow green blue indigo violet black white grey"
OTHER = "something else that has nothing in common with those"


def find(
    gold: str | None, payload: str | None, *history: tuple[str | None, str | None]
) -> tuple[bool, bool, bool]:
    """Return comparable, exact, near of a question; one before and one after has no history."""
    outputs, inputs = zip(*history, strict=True)
    rows = np.arange(len(history))
    copies = find_golds(
        *map(to_column, ([gold] * 3, [payload] * 3, outputs, inputs)),
        np.append(np.ones_like(rows), 2),
        np.append(rows, -1),
    )
    for row in (0, 2):
        assert not (copies.comparable_Q[row] or copies.exact_Q[row] or copies.near_Q[row])
    return bool(copies.comparable_Q[1]), bool(copies.exact_Q[1]), bool(copies.near_Q[1])


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (GOLD, "exact"),
        (f" {GOLD.upper().replace(' ', '  ')}\n", "exact"),
        (f"{GOLD}!", "near"),
        (GOLD.replace("ten", "zen"), "near"),  # 8 of 10 pairs
        (GOLD.replace("five", "fife"), "clean"),  # 7 of 11
        (OTHER, "clean"),
        ("", "incomparable"),
        (None, "incomparable"),
    ],
)
def test_a_gold_and_its_clean_twin(output: str | None, expected: str) -> None:
    found = find(GOLD, ARTICLE, (output, OTHER), (None, OTHER))
    assert found == (expected != "incomparable", expected == "exact", expected == "near")
    found = find(GOLD, ARTICLE, (OTHER, OTHER), (output, OTHER))
    assert found == (True, expected == "exact", expected == "near")


@pytest.mark.parametrize(
    ("text", "near"),
    [
        (ARTICLE, True),
        (ARTICLE.title(), True),
        (f"{ARTICLE} pink", True),  # 9 of 10
        (f"{ARTICLE} pink gold silver", False),  # 9 of 12
        (OTHER, False),
        (None, False),
    ],
)
def test_the_same_article_under_another_headline(text: str | None, near: bool) -> None:
    assert find(GOLD, ARTICLE, (OTHER, OTHER), (OTHER, text)) == (True, False, near)
    assert find(GOLD, ARTICLE, (None, text)) == (False, False, near)


def test_an_exact_gold_is_not_near_as_well() -> None:
    assert find(GOLD, ARTICLE, (f"{GOLD}!", ARTICLE), (GOLD, OTHER)) == (True, True, False)


def test_short_texts_are_exact_or_nothing() -> None:
    assert find("Good film", "a b c d", ("good  FILM", "x")) == (True, True, False)
    assert find("Good film", "a b c d", ("good film!", "x")) == (True, False, False)
    assert find("Good film", "a b c d", ("x", "a b c d")) == (True, False, False)
    assert find("?!", "x", ("?!", "y")) == (True, True, False)
    for gold, output in (("a b a b", "a b a b a b"), ("a b a b a b", "a b a b")):  # the same pairs
        assert find(gold, "x", (output, "y")) == (True, False, False)
    assert find("a b a b a", "x", ("a b a b a b", "y")) == (True, False, True)


@pytest.mark.parametrize("blank", [None, "", " \n"])
def test_a_blank_gold_is_nowhere(blank: str | None) -> None:
    assert find(blank, blank, (blank, blank), (GOLD, ARTICLE)) == (True, False, False)


def test_columns_may_differ_in_type() -> None:
    golds, payloads = to_column([GOLD]), to_column([ARTICLE])
    outputs, inputs = (
        pa.chunked_array([[text]], pa.large_string()) for text in (f"{GOLD} eleven", OTHER)
    )
    copies = find_golds(golds, payloads, outputs, inputs, np.array([0]), np.array([0]))
    assert copies.near_Q.tolist() == [True]


def test_no_questions() -> None:
    empty, rows = to_column([]), np.zeros(0, np.int64)
    copies = find_golds(empty, empty, empty, empty, rows, rows)
    assert [len(found) for found in (copies.comparable_Q, copies.exact_Q, copies.near_Q)] == [0] * 3


def is_copy(first: str, second: str) -> bool:
    words = list_words(first), list_words(second)
    is_long = min(map(len, words)) >= MIN_LENGTH
    return is_long and (words[0] == words[1] or compare(first, second) >= NEAR)


def draw_histories(rng: np.random.Generator) -> tuple[list[list[str]], np.ndarray, np.ndarray]:
    """Return golds, payloads, outputs and inputs, and overlapping histories of 12 items."""
    outputs, inputs = ([draw_text(rng, rng.integers(3, 25)) for _ in range(400)] for _ in "oi")
    golds, payloads = ([draw_text(rng, rng.integers(3, 25)) for _ in range(200)] for _ in "gp")
    starts = rng.integers(0, 388, 200)
    for row in range(200):
        texts, sources = ((golds, outputs), (payloads, inputs))[row % 2]
        source = sources[starts[row] + rng.integers(0, 16)]  # 12 and more aren't in the history
        texts[row] = change_words(rng, source, rng.integers(0, 3)).title()
    return (
        [golds, payloads, outputs, inputs],
        np.repeat(np.arange(200), 12),
        (starts[:, None] + np.arange(12)).ravel(),
    )


def test_agrees_with_a_slow_plain_search() -> None:
    rng = np.random.default_rng(3)
    columns, questions, items = draw_histories(rng)
    golds, payloads, outputs, inputs = columns
    items[rng.random(len(items)) < 0.05] = -1
    copies = find_golds(*map(to_column, columns), questions, items)
    exact, near = np.zeros((2, 200), bool)
    for question, item in zip(questions, items, strict=True):
        if item < 0:
            continue
        exact[question] |= golds[question].casefold() == outputs[item].casefold()
        near[question] |= is_copy(golds[question], outputs[item])
        near[question] |= is_copy(payloads[question], inputs[item])
    assert isinstance(copies, GoldCopies)
    assert copies.exact_Q.tolist() == exact.tolist()
    assert copies.near_Q.tolist() == (near & ~exact).tolist()
    assert exact.sum() > 10
    assert (near & ~exact).sum() > 40
