"""Donors: never oneself, nothing from the future, as long as one's own history."""

import time

import numpy as np
import pyarrow as pa
import pytest

from components.histories.shuffling import draw_donors, find_pool, pick_in_turn
from components.histories.tables import ITEM_SCHEMA, QUESTION_SCHEMA, write_histories


def build_histories(directory, lengths, with_times=True):
    """One user a length, with an item a day, a question halfway and one at the end."""
    users = [f"user-{number:04d}" for number in range(len(lengths))]
    days = np.concatenate([np.arange(length) for length in lengths])
    items = pa.table(
        {
            "user_id": np.repeat(users, lengths),
            "item_id": days.astype(str),
            "time": after_days(days) if with_times else [None] * len(days),
            **{column: ["a"] * len(days) for column in ("text", "input", "output")},
        },
        schema=ITEM_SCHEMA,
    )
    firsts = np.repeat(np.cumsum(lengths) - lengths, 2)
    ends = np.array([end for length in lengths for end in (length // 2, length)])
    histories = [np.arange(first, first + end) for first, end in zip(firsts, ends, strict=True)]
    offsets = np.cumsum([0, *ends]).astype(np.int32)
    rows = pa.array(np.concatenate(histories).astype(np.int32))
    questions = pa.table(
        {
            "question_id": [f"{user}-{name}" for user in users for name in ("half", "end")],
            "user_id": np.repeat(users, 2),
            "split": ["test"] * len(ends),
            "time": after_days(ends) if with_times else [None] * len(ends),
            **{column: ["a"] * len(ends) for column in ("input", "payload", "output")},
            "history": pa.ListArray.from_arrays(pa.array(offsets), rows),
        },
        schema=QUESTION_SCHEMA,
    )
    return write_histories(directory, items, questions)


def after_days(days):
    return np.datetime64("2020-01-01", "s") + days * np.timedelta64(1, "D")


@pytest.fixture(scope="module")
def histories(tmp_path_factory):
    lengths = np.random.default_rng(0).integers(1, 60, 80).tolist()
    return build_histories(tmp_path_factory.mktemp("histories") / "tables", lengths)


def test_another_user_of_the_same_length_from_before_the_question(histories):
    items, questions = histories.items[:], histories.questions[:]
    drawn = draw_donors(histories, range(len(questions["user_id"])), num_draws=5, seed=0)
    num_equal = num_questions = 0
    for draw in drawn:
        for row, donated in enumerate(draw):
            owners = {items["user_id"][item] for item in donated}
            assert len(owners) == min(1, len(donated))
            assert questions["user_id"][row] not in owners
            assert all(items["time"][item] < questions["time"][row] for item in donated)
            assert list(donated) == sorted(donated)
            num_own = len(questions["history"][row])
            assert len(donated) <= num_own
            assert bool(donated) == bool(num_own)
            num_equal += len(donated) == num_own
            num_questions += 1
    assert num_equal / num_questions > 0.8


def test_the_newest_earlier_items_are_given(tmp_path):
    # User 1's question at day 2 takes user 0's items of days 0 and 1, not of days 2 and 3.
    histories = build_histories(tmp_path / "tables", [4, 2])
    rows = {key: row for row, key in enumerate(histories.questions["question_id"])}
    asked = [rows["user-0001-end"], rows["user-0000-end"], rows["user-0001-half"]]
    assert [list(rows) for rows in draw_donors(histories, asked, 1, seed=0)[0]] == [
        [0, 1],
        [4, 5],
        [0],
    ]


def test_without_times_the_newest_of_all_items_are_given(tmp_path):
    histories = build_histories(tmp_path / "tables", [4, 2], with_times=False)
    assert list(draw_donors(histories, [3], 1, seed=0)[0][0]) == [2, 3]


def test_draws_depend_on_seed_draw_and_question_only(histories):
    rows = list(range(40))
    drawn = draw_donors(histories, rows, num_draws=3, seed=0)
    assert draw_donors(histories, rows, num_draws=2, seed=0) == drawn[:2]
    assert draw_donors(histories, rows[::-1], num_draws=3, seed=0)[1] == drawn[1][::-1]
    assert draw_donors(histories, [7], num_draws=3, seed=0)[2] == [drawn[2][7]]
    assert draw_donors(histories, rows, num_draws=3, seed=1) != drawn
    assert drawn[0][7] != drawn[1][7] != drawn[2][7]


def test_the_pool_has_histories_of_like_length_and_never_the_own():
    counts = np.array([0, 50, *range(90, 200), 250])
    assert counts[find_pool(counts, length=100, own=20)].tolist() == [
        *range(100, 108),
        *range(109, 200),
    ]
    # Nine are alike; twice to thrice as long comes next, and nearly as long among them.
    counts = np.array([0, 1, 9, *range(10, 30), 100])
    few = find_pool(counts, length=10, own=5)
    assert counts[few].tolist() == [9, 10, 11, *range(13, 30)]
    or_nearest = find_pool(np.array([0, 3, 10, 40]), length=10, own=2)
    assert or_nearest.tolist() == [1, 3]


def test_donors_come_in_turn_before_any_comes_again():
    picks = pick_in_turn(np.array([3, 5, 8]), 7, "key")
    assert sorted(picks[:3]) == sorted(picks[3:6]) == [3, 5, 8]
    assert pick_in_turn(np.array([], dtype=np.int64), 5, "key") == []


def test_one_user_alone_has_no_donor(tmp_path):
    with pytest.raises(ValueError, match=r"from 1 user\(s\)"):
        draw_donors(build_histories(tmp_path / "tables", [4]), [0], 1, seed=0)


def test_six_thousand_questions_with_five_draws_take_under_five_seconds(tmp_path):
    lengths = np.random.default_rng(0).integers(1, 400, 700).tolist()
    histories = build_histories(tmp_path / "tables", lengths)
    rows = np.random.default_rng(0).integers(0, 1400, 6000).tolist()
    start = time.process_time()
    draw_donors(histories, rows, num_draws=5, seed=0)
    assert time.process_time() - start < 5
