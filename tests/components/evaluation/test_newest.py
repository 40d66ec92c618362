"""Only questions that no model was trained on are fair."""

from datetime import datetime

from datasets import Dataset

from components.evaluation.newest import select_newer

QUESTIONS = Dataset.from_list(
    [
        {"split": split, "time": time}
        for split, time in [
            ("test", datetime(2026, 1, 2)),
            ("dev", datetime(2026, 1, 9)),
            ("test", None),
            ("test", datetime(2026, 1, 3)),
        ]
    ]
)


def test_newer_questions_of_one_split() -> None:
    assert select_newer(QUESTIONS, "test", datetime(2026, 1, 2)) == [3]  # not of that moment
    assert select_newer(QUESTIONS, "test", datetime(2026, 1, 3)) == []


def test_without_a_time_all_of_the_split_are_asked() -> None:
    assert select_newer(QUESTIONS, "test", None) == [0, 2, 3]
