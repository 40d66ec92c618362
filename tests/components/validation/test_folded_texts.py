"""Folding: what is the same text, what is not, and against a slow plain folding."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from components.validation.folded_texts import hash_runs, mix, split_words
from tests.components.validation.texts import list_words, to_column


def hash_texts(texts: list[str | None]) -> list[int]:
    return [
        int(value)
        for words in split_words(to_column(texts))
        for value in words.hash_texts().tolist()
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("A good film.", "a  GOOD\tfilm"),
        ("It\u2019s well-made \u2014 really!", "Its well made: really"),
        ("Stra\u00dfe", "STRASSE"),
        ("\ufb01lm", "film"),  # a ligature
        ("cafe\u0301", "Caf\u00e9"),  # an accent of its own
        ("\uff26\uff49\uff4c\uff4d", "film"),  # full width
        ("soft\u00adware", "software"),  # a soft hyphen
        ("\u7535\u5f71\u5f88\u597d\u3002", "\u7535 \u5f71\uff0c\u5f88\u597d"),
        ("iPhone\u624b\u673a", "iphone \u624b\u673a"),
        ("\u0130", "i\u0307"),  # its casefold is two characters
    ],
)
def test_the_same_text(first: str, second: str) -> None:
    hashes = hash_texts([first, second])
    assert hashes[0] == hashes[1] != 0


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a good film", "good a film"),
        ("a good film", "a goodfilm"),
        ("a good film", "a good films"),
        ("\u2605\u2605", "\u2605\u2605\u2605"),
        ("good \U0001f44d", "good \U0001f44e"),
        ("\u7535\u5f71", "\u5f71\u7535"),
        ("ab", "ba"),
        ("good good", "good"),
    ],
)
def test_another_text(first: str, second: str) -> None:
    hashes = hash_texts([first, second])
    assert hashes[0] != hashes[1]


def test_a_text_without_words_has_no_hash() -> None:
    assert hash_texts([None, "", " \n", "?!", "'", "\x00", "\u200b"]) == [0] * 7


def test_lengths_count_two_characters_for_a_word() -> None:
    texts = ["one two three", "it's", "\u7535\u5f71\u5f88\u597d", "good \u7535\u5f71", None, "-"]
    (words,) = split_words(to_column(texts))
    assert words.lengths_N.tolist() == [6, 2, 4, 4, 0, 0]


def test_five_words_or_ten_characters_are_long() -> None:
    (words,) = split_words(
        to_column(["a b c d e", "a b c d", "\u7535" * 10, "\u7535" * 9, "a b c d \u7535\u5f71"])
    )
    assert words.are_long().tolist() == [True, False, True, False, True]


def test_the_order_of_a_run_counts() -> None:
    values = mix(np.array([1, 2, 1, 2, 2, 1], np.uint64))
    hashes = hash_runs(values, np.array([0, 2, 2, 4, 6]))
    assert hashes[0] == hashes[2] != hashes[3]
    assert hashes[1] == 0


def test_slices_and_types_change_nothing() -> None:
    rng = np.random.default_rng(0)
    texts = [" ".join(map(str, rng.integers(0, 99, rng.integers(0, 80)))) for _ in range(3000)]
    texts[5] = "long " * 40_000
    whole = hash_texts([*texts])
    assert [hash_texts([texts[row]])[0] for row in (0, 4, 5, 6, 1500, 2999)] == [
        whole[row] for row in (0, 4, 5, 6, 1500, 2999)
    ]
    column = pa.chunked_array([pa.array(texts, pa.large_string())])
    parts = list(split_words(column))
    assert len(parts) > 3
    assert np.concatenate([part.hash_texts() for part in parts]).tolist() == whole


CHARACTERS = st.sampled_from(
    [*"aAbB1 \t'.-\u00df\u0130\u0307\u0301\u00e9\u2019\u00ad\u200d\u7535\u5f71\u30d5\u3002\x00$"]
) | st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Z"], max_codepoint=0x2FF)


@given(st.lists(st.text(CHARACTERS, max_size=12) | st.none(), max_size=12))
@example(["a\x00b", "a b", "\u2764\ufe0f", "\u2764", "\u0345\u0301"])
def test_agrees_with_a_slow_plain_folding(texts: list[str | None]) -> None:
    words_of_texts = [list_words(text) for text in texts]
    hashes = hash_texts(texts)
    for row, words in enumerate(words_of_texts):
        assert (hashes[row] != 0) == bool(words)
        for other, others in enumerate(words_of_texts):
            assert (hashes[row] == hashes[other]) == (words == others)
