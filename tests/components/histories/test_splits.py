"""Timelines are cut where worked out by hand; samples are seeded and keep the order."""

from collections import Counter

from components.histories.config import QuestionConfig
from components.histories.splits import assign_users, cut_timeline, sample_questions
from components.histories.tables import QuestionRow, Split


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


def test_users_are_split_whole_and_by_seed() -> None:
    users = [f"u{number}" for number in range(50)]
    split_of = assign_users(users, 0.2, 0.1, seed=3)
    assert Counter(split_of.values()) == {"train": 36, "dev": 4, "test": 10}
    assert split_of == assign_users(users, 0.2, 0.1, seed=3)
    assert split_of != assign_users(users, 0.2, 0.1, seed=4)


def test_samples() -> None:
    rows = [question(f"{split}{n:02d}", split) for split in ("train", "test") for n in range(30)]
    assert sample_questions(rows, QuestionConfig(), 0) == rows
    config = QuestionConfig(max_train_questions=5, max_test_questions=40)
    kept = [row["question_id"] for row in sample_questions(rows, config, 0)]
    assert len(kept) == 35
    assert kept == sorted(kept[:5]) + [f"test{n:02d}" for n in range(30)]
    assert kept == [row["question_id"] for row in sample_questions(rows, config, 0)]
    assert kept != [row["question_id"] for row in sample_questions(rows, config, 1)]
    assert sample_questions([], config, 0) == []
