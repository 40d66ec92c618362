"""Near texts: similarities worked by hand, and how many near texts the sketches miss."""

import numpy as np
import pytest

from components.validation.near_texts import NEAR, are_near, sketch_texts, tabulate_pairs
from tests.components.validation.texts import change_words, compare, draw_text, to_column

TEN = "one two three four five six seven eight nine ten"


def is_near(first: str | None, second: str | None) -> bool:
    has = tabulate_pairs(to_column([first, second]))
    return bool(are_near(has, np.array([0]), has, np.array([1]))[0])


@pytest.mark.parametrize(
    ("first", "second", "near"),
    [
        (TEN, TEN.replace("ten", "zen"), True),  # 8 of 10 pairs
        (TEN.removeprefix("one "), "two three four five six seven eight nine zen", False),  # 7 of 9
        (TEN, TEN.replace("five", "fife"), False),  # 7 of 11
        (TEN, f"{TEN} eleven twelve", True),  # 9 of 11
        (TEN, f"{TEN} eleven twelve thirteen", False),  # 9 of 12
        (TEN, f"{TEN} {TEN}", True),  # 9 of 10: each pair counts once
        (TEN, " ".join(reversed(TEN.split())), False),  # all words, no pair
        ("\u4e00\u4e8c\u4e09\u56db\u4e94", "\u4e00\u4e8c\u4e09\u56db\u4e94\u516d", True),  # 4 of 5
        ("\u4e00\u4e8c\u4e09\u56db", "\u4e00\u4e8c\u4e09\u56db\u4e94", False),  # 3 of 4
        ("one", "one", False),
        (None, None, False),
    ],
)
def test_similarity_worked_by_hand(first: str | None, second: str | None, near: bool) -> None:
    assert is_near(first, second) == near == (compare(first, second) >= NEAR)


def test_similarity_agrees_with_a_slow_plain_one() -> None:
    rng = np.random.default_rng(0)
    firsts = [draw_text(rng, rng.integers(1, 40)) for _ in range(500)]
    seconds = [
        change_words(rng, text, min(rng.integers(0, 4), len(text.split()))) for text in firsts
    ]
    rows = np.arange(500)
    near = are_near(
        tabulate_pairs(to_column(firsts)), rows, tabulate_pairs(to_column(seconds)), rows
    )
    similarities = [compare(*pair) for pair in zip(firsts, seconds, strict=True)]
    assert near.tolist() == [similarity >= NEAR for similarity in similarities]
    assert 100 < near.sum() < 400


def test_a_pair_that_stands_256_times_counts_once() -> None:
    assert is_near("ha " * 257, "ha ha")


def test_sketches_find_near_texts_and_few_others() -> None:
    """Of texts at .8 to .9, .9 to 1 and under .3: the shares that agree in a band."""
    rng = np.random.default_rng(1)
    firsts = [draw_text(rng, rng.integers(12, 60)) for _ in range(6000)]
    seconds = [
        change_words(rng, text, [1, 2, 3, len(text.split()) // 3][row % 4])
        for row, text in enumerate(firsts)
    ]
    similarities = np.array([compare(*pair) for pair in zip(firsts, seconds, strict=True)])
    bands = [sketch_texts(to_column(texts)).bands_BN for texts in (firsts, seconds)]
    agrees = (bands[0] == bands[1]).any(axis=0)
    is_very_near = similarities >= 0.9
    is_near = (similarities >= NEAR) & ~is_very_near
    is_far = similarities < 0.3
    assert min(is_near.sum(), is_very_near.sum(), is_far.sum()) > 500
    assert agrees[is_very_near].mean() > 0.999
    assert agrees[is_near].mean() > 0.99
    assert agrees[is_far].mean() < 0.2
    assert (bands[0] == np.roll(bands[1], 1, axis=1)).mean() < 0.001
