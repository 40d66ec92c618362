"""Timelines are cut where worked out by hand; samples are seeded and keep the order."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from components.histories.config import QuestionConfig
from components.histories.splits import (
    EmptySplitError,
    assign_users,
    cut_timeline,
    draw_by_hash,
    require_splits,
    sample_questions,
)
from components.histories.tables import HistoryRows, QuestionRow, Split, write_histories


def question(name: str, split: Split) -> QuestionRow:
    """Return a question of which only id and split matter."""
    return QuestionRow(
        question_id=name,
        user_id="u",
        split=split,
        time=None,
        input="",
        payload="",
        output="",
        history=[],
    )


def test_cut_timeline() -> None:
    assert cut_timeline(10, 0.2, 0.1) == ["train"] * 7 + ["dev"] + ["test"] * 2
    assert cut_timeline(13, 0.2, 0.0) == ["train"] * 10 + ["test"] * 3
    assert cut_timeline(10, 0.3, 0.0) == ["train"] * 7 + ["test"] * 3
    assert cut_timeline(10, 0.9, 0.0) == ["train"] + ["test"] * 9
    assert cut_timeline(1, 0.2, 0.1) == ["test"]
    assert cut_timeline(0, 0.2, 0.1) == []


def test_test_events_are_what_the_first_four_fifths_leave() -> None:
    for num_events in range(500):
        num_test = cut_timeline(num_events, 0.2, 0.1).count("test")
        assert num_test == num_events - int(0.8 * num_events)


USERS = [f"u{number:04d}" for number in range(2000)]


def test_users_are_split_by_their_shares() -> None:
    counts = Counter(assign_users(USERS, 0.2, 0.1, seed=3).values())
    assert counts["test"] / 2000 == pytest.approx(0.2, abs=0.02)
    assert counts["dev"] / 2000 == pytest.approx(0.08, abs=0.02)
    assert set(assign_users(USERS, 0.2, 0.0, seed=3).values()) == {"train", "test"}
    assert set(assign_users(USERS, 0.0, 0.1, seed=3).values()) == {"train", "dev"}


def test_a_users_split_never_depends_on_who_else_is_there() -> None:
    split_of = assign_users(USERS, 0.2, 0.1, seed=3)
    some = assign_users(["somebody new", *USERS[1000:][::-1]], 0.2, 0.1, seed=3)
    assert all(some[user] == split_of[user] for user in USERS[1000:])
    assert split_of != assign_users(USERS, 0.2, 0.1, seed=4)
    # Worked out beforehand: a change would test models on users whom they were trained on.
    first = [split[1] for split in assign_users(USERS[:16], 0.3, 0.3, seed=0).values()]
    assert "".join(first) == PINNED


PINNED = "rrerreereerereee"


def test_the_split_says_nothing_of_the_llms_half() -> None:
    split_of = assign_users(USERS, 0.5, 0.0, seed=0)
    halves = [draw_by_hash("llm-tuning", user) < 0.5 for user in USERS if split_of[user] == "test"]
    assert np.mean(halves) == pytest.approx(0.5, abs=0.04)


def test_a_split_without_any_user_is_refused() -> None:
    with pytest.raises(ValueError, match=r"none of 2 users falls into \w+, whose share is 0\."):
        assign_users(USERS[:2], 0.2, 0.1, seed=0)
    assert assign_users([], 0.2, 0.1, seed=0) == {}


def test_samples() -> None:
    splits_Q = np.array([0, 2] * 30)
    train, test = np.arange(0, 60, 2).tolist(), np.arange(1, 60, 2).tolist()
    assert sample_questions(splits_Q, QuestionConfig(), 0).tolist() == train + test
    config = QuestionConfig(max_train_questions=5, max_test_questions=40)
    kept = sample_questions(splits_Q, config, 0).tolist()
    assert len(kept) == 35
    assert kept == sorted(set(train) & set(kept[:5])) + test
    assert kept == sample_questions(splits_Q, config, 0).tolist()
    assert kept != sample_questions(splits_Q, config, 1).tolist()
    assert sample_questions(splits_Q[:0], config, 0).tolist() == []


def test_the_newest_train_questions_are_kept_where_times_are_given() -> None:
    splits_Q = np.array([0, 0, 0, 0, 2, 2, 2, 0])
    times_Q = np.array([50, 10, 40, 20, 60, 61, 62, 40])
    config = QuestionConfig(max_train_questions=2, max_test_questions=2)
    kept = sample_questions(splits_Q, config, 0, times_Q).tolist()
    assert kept[:2] == [0, 7]  # of equally new ones the later rows
    assert kept[2:] == sample_questions(splits_Q, config, 0).tolist()[2:]  # test is a sample


@pytest.mark.parametrize(
    ("splits", "evaluated", "said"),
    [
        (
            ["train", "train", "dev"],
            "test",
            r"there are no test questions to evaluate \(train 2, dev 1, test 0\); "
            r"evaluate on dev \(evaluation\.split: dev\), or bring them: .*outputs\.json",
        ),
        (["train", "test"], "test", r"no dev questions to choose .*\(train 1, dev 0, test 1\)"),
        (["train", "test"], "dev", r"no dev questions to evaluate .*dev_share"),
        (["dev", "test"], "test", r"no train questions to learn from"),
        (["dev"], "test", r"no train questions to learn from and no test questions to evaluate"),
    ],
)
def test_a_missing_split_is_named_with_what_to_set(
    tmp_path: Path, splits: Sequence[Split], evaluated: Split, said: str
) -> None:
    rows = HistoryRows([], [question(str(n), split) for n, split in enumerate(splits)])
    histories = write_histories(tmp_path / "h", rows.item_table(), rows.question_table())
    with pytest.raises(EmptySplitError, match=said) as caught:
        require_splits(histories, evaluated)
    assert ("evaluation.split" in str(caught.value)) == (list(splits) == ["train", "train", "dev"])


def test_a_split_that_is_not_needed_may_be_missing(tmp_path: Path) -> None:
    rows = HistoryRows([], [question("a", "train"), question("b", "dev")])
    require_splits(write_histories(tmp_path, rows.item_table(), rows.question_table()), "dev")
