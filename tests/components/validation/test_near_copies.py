"""Items that repeat others: planted ones, their clean twins, and against a slow plain search."""

from collections.abc import Sequence

import numpy as np
import pytest

from components.validation.folded_texts import MIN_LENGTH
from components.validation.near_copies import MAX_BEFORE, find_near_duplicates, find_shared_texts
from components.validation.near_texts import NEAR
from tests.components.validation.texts import (
    change_words,
    compare,
    draw_text,
    list_words,
    to_column,
)

TEN = "one two three four five six seven eight nine ten"
CHINESE = "\u8fd9\u90e8\u7535\u5f71\u7684\u6444\u5f71\u548c\u97f3\u4e50\u90fd\u5f88\u597d"


def number(users: Sequence[str | None]) -> np.ndarray:
    known = sorted({user for user in users if user is not None})
    return np.array([-1 if user is None else known.index(user) for user in users], np.int64)


def find_repeats(*owned: tuple[str | None, str | None]) -> list[bool]:
    users, texts = zip(*owned, strict=True)
    return find_near_duplicates(to_column(texts), number(users)).tolist()


def find_shared(*owned: tuple[str | None, str | None]) -> list[bool]:
    users, texts = zip(*owned, strict=True)
    return find_shared_texts(to_column(texts), number(users)).tolist()


@pytest.mark.parametrize(
    ("text", "copy", "found"),
    [
        (TEN, TEN, True),
        (TEN, TEN.upper().replace(" ", " - ") + "!", True),
        (TEN, TEN.replace("ten", "zen"), True),  # 8 of 10 pairs
        (TEN, TEN.replace("five", "fife"), False),  # 7 of 11
        ("good movie", "Good movie!", True),
        ("a b c d e", "a b c d e f", True),  # 4 of 5 pairs
        ("good movie", "good movie indeed", False),
        ("a b c d", "a b c d d d", False),  # 3 of 4
        ("a b c d", "a b c d d", False),  # too short
        ("a a a a", "a a a a a", False),  # one pair of one, but too short
        ("a a a a a", "a a a a a a", True),
        (CHINESE, CHINESE + "\u3002", True),
        (CHINESE, CHINESE + "\u554a", True),
        (CHINESE, CHINESE[::-1], False),
        (None, None, False),
        (" ", "", False),
        ("?!", "?!", False),
    ],
)
def test_a_repeat_and_its_clean_twin(text: str | None, copy: str | None, found: bool) -> None:
    assert find_repeats(("ann", "first"), ("ann", text), ("ann", copy)) == [False, False, found]
    assert find_repeats(("ann", "first"), ("ann", text), ("bob", copy)) == [False] * 3


def test_only_later_items_repeat_wherever_they_stand() -> None:
    near = TEN.replace("ten", "zen")
    owned = [("bob", TEN), ("ann", near), ("bob", near), (None, TEN), ("ann", TEN), (None, TEN)]
    assert find_repeats(*owned) == [False, False, True, False, True, False]


@pytest.mark.parametrize(
    ("text", "copy", "found"),
    [
        (TEN, TEN.title() + ".", True),
        (TEN, TEN.replace("ten", "zen"), False),
        ("this is a good movie", "This is a good movie!", True),
        ("a good movie indeed", "A good movie indeed", False),
        (CHINESE[:10], CHINESE[:10] + "\uff01", True),
        (CHINESE[:9], CHINESE[:9], False),
        (None, None, False),
        ("", " ", False),
    ],
)
def test_a_shared_text_and_its_clean_twin(text: str | None, copy: str | None, found: bool) -> None:
    other = "another text that nobody else has written"
    assert find_shared(("ann", text), ("bob", copy), ("bob", other)) == [found, found, False]
    assert find_shared(("ann", text), ("ann", copy), ("bob", other)) == [False] * 3


def test_all_who_share_a_text_are_found() -> None:
    owned = [("ann", TEN), ("bob", "x"), ("cid", TEN), ("ann", TEN), (None, TEN), ("dan", TEN)]
    assert find_shared(*owned) == [True, False, True, True, False, True]
    assert find_shared(("ann", TEN), (None, TEN)) == [False, False]


def test_no_items() -> None:
    assert find_near_duplicates(to_column([]), number([])).tolist() == []
    assert find_shared_texts(to_column([]), number([])).tolist() == []


def search_slowly(texts: list[str], users: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return which items repeat an earlier one, and the best similarity to one."""
    repeats, best = np.zeros(len(texts), bool), np.zeros(len(texts))
    words = [list_words(text) for text in texts]
    for row, text in enumerate(texts):
        for earlier in range(row):
            if users[earlier] != users[row]:
                continue
            if words[earlier] == words[row]:
                repeats[row], best[row] = True, 1
            elif min(len(words[earlier]), len(words[row])) >= MIN_LENGTH:
                best[row] = max(best[row], compare(text, texts[earlier]))
    return repeats | (best >= NEAR), best


def test_agrees_with_a_slow_plain_search() -> None:
    """Nothing is found that isn't there, and at least .99 of what is."""
    rng = np.random.default_rng(2)
    texts, users = [], []
    for user in range(20):
        texts += [draw_text(rng, rng.integers(3, 40)) for _ in range(30)]
        for _ in range(20):
            text = texts[-rng.integers(1, 30)]
            texts.append(change_words(rng, text, min(rng.integers(0, 4), len(text.split()))))
        users += [f"user{user}"] * 50
    repeats, best = search_slowly(texts, users)
    found = find_near_duplicates(to_column(texts), number(users))
    assert not (found & ~repeats).any()
    assert repeats.sum() > 150
    assert found[repeats].mean() >= 0.99
    assert found[best >= 0.9].all()


def test_a_user_of_one_template_is_searched() -> None:
    """All 4,000 texts are much alike, and none is near: 17 of 23 pairs (.74) at best."""
    texts = [
        f"{TEN} and then item number {row} of {row} is said to be {row}" for row in range(4000)
    ]
    texts += [f"{texts[row]} again" for row in range(4000 - MAX_BEFORE, 4000)]
    found = find_near_duplicates(to_column(texts), np.zeros(len(texts), np.int64))
    assert not found[:4000].any()
    assert found[4000:].all()


def test_a_user_of_one_text_is_searched() -> None:
    column = to_column([TEN] * 100_000, rows_per_chunk=10_000)
    assert find_near_duplicates(column, np.zeros(100_000, np.int64)).sum() == 99_999
