"""The data profile, its numbers worked by hand."""

import json
from datetime import datetime

import numpy as np
import pytest

from components.encoders.behavior_vectors import BehaviorVectors
from components.histories.tables import HistoryRows, write_histories
from components.lineage import data_profile
from components.lineage.data_profile import profile_data
from components.tasks.lamp import LAMP_4
from components.tasks.task import Task

WORDING = {"prompt": "{payload}", "input_field": "text", "history_template": "{text}"}
LETTERS = Task(name="letters", kind="classification", labels=("a", "b", "c", "d"), **WORDING)


def make_item(user, number, length, output, day=None):
    time = None if day is None else datetime(2024, 1, day)
    return {
        "user_id": user,
        "item_id": str(number),
        "time": time,
        "text": "rendered: " + "x" * length,
        "input": "x" * length,
        "output": output,
    }


def make_question(number, user, split, history):
    fixed = {name: "x" for name in ("input", "payload", "output")}
    names = {"question_id": f"q{number}", "user_id": user, "split": split}
    return {**names, "time": None, **fixed, "history": history}


def write_vectors(directory, matrix):
    directory.mkdir()
    np.save(directory / "vectors.npy", np.array(matrix, np.float16))
    (directory / "encoder.json").write_text(json.dumps({"fingerprint": "enc"}))
    return BehaviorVectors.at(directory)


def test_the_newest_question_of_a_training_is_kept(tmp_path):
    days = {"train": [3, 5], "dev": [7, None], "test": [9]}
    questions = [
        {**make_question(10 * number + day_number, "anna", split, []), "time": time}
        for number, (split, found) in enumerate(days.items())
        for day_number, time in enumerate(day and datetime(2024, 1, day) for day in found)
    ]
    rows = HistoryRows([make_item("anna", 0, 1, "b", day=8)], questions)
    histories = write_histories(tmp_path / "tables", rows.item_table(), rows.question_table())
    profile = profile_data(histories, write_vectors(tmp_path / "vectors", [[1, 0]]), LETTERS)
    assert profile.newest_trained == "2024-01-07T00:00:00"
    assert profile.newest_time == "2024-01-08T00:00:00"


def test_numbers_by_hand(tmp_path):
    items = [
        make_item("anna", 0, 1, "b", day=2),
        make_item("anna", 1, 2, "a", day=9),
        make_item("anna", 2, 3, "b"),
        make_item("bert", 3, 4, None, day=5),
        make_item("bert", 4, 5, "c"),
    ]
    questions = [
        make_question(0, "anna", "train", [0]),
        make_question(1, "anna", "train", [0, 1]),
        make_question(2, "cleo", "test", []),
    ]
    rows = HistoryRows(items, questions)
    histories = write_histories(tmp_path / "tables", rows.item_table(), rows.question_table())
    matrix = [[1, 0], [0, 1], [1, 1], [0, 0], [0.5, 0]]
    profile = profile_data(histories, write_vectors(tmp_path / "vectors", matrix), LETTERS)
    assert (profile.num_users, profile.num_items) == (3, 5)
    assert profile.num_questions == {"train": 2, "dev": 0, "test": 1}
    assert profile.newest_time == "2024-01-09T00:00:00"
    # Of 0, 2 and 3 items a user, a third of the quantiles each; of lengths 1 to 5, a fifth each.
    assert profile.items_per_user == [0] * 33 + [2] * 34 + [3] * 33
    assert profile.text_length == [n for n in range(1, 6) for _ in range(20)]
    assert list(profile.label_shares.items()) == [("a", 0.25), ("b", 0.5), ("c", 0.25), ("d", 0)]
    assert profile.vector_mean == [0.5, 0.4]
    # Squares sum to 1 + 1 + 2 + 0 + .25, by 5; the mean's are .25 and .16.
    assert profile.vector_spread == pytest.approx((4.25 / 5 - 0.41) ** 0.5)
    assert profile.encoder_fingerprint == "enc"
    # What anna's vectors lie from the mean in sum, by bert's share: (.5, .8) / .4; bert's by .6.
    between = (0.25 + 0.64) * (0.4**-2 + 0.6**-2)
    sizes = profile.effective_sizes
    assert sizes["vector_mean"] == pytest.approx(5 * (4.25 - 5 * 0.41) / between)
    assert sizes["items_per_user"] == 3
    # Of the outputs b a b | c: anna's (1, 2, 0) less 3 (1/4, 1/2, 1/4), by 1/4; bert's by 3/4.
    between = (0.25**2 + 0.5**2 + 0.75**2) * (0.25**-2 + 0.75**-2)
    assert sizes["label_shares"] == pytest.approx(4 * (4 - 4 * 0.375) / between)


def test_a_vector_is_its_users_over_any_number_of_blocks(tmp_path, monkeypatch):
    items = [make_item(f"user {n // 3}", n, n + 1, "a") for n in range(10)]
    rows = HistoryRows(items, [])
    histories = write_histories(tmp_path / "tables", rows.item_table(), rows.question_table())
    vectors = write_vectors(tmp_path / "vectors", np.eye(10))
    whole = profile_data(histories, vectors, LETTERS)
    monkeypatch.setattr(data_profile, "ROWS_PER_BLOCK", 4)
    assert profile_data(histories, vectors, LETTERS) == whole
    # Each row is one of ten unit vectors: users of n items lie sqrt(n - n^2 / 10) off in sum.
    between = 3 * (3 - 0.9) / 0.7**2 + (1 - 0.1) / 0.9**2
    assert whole.effective_sizes["vector_mean"] == pytest.approx(10 * (10 - 1) / between)


def test_users_without_any_item(tmp_path):
    rows = HistoryRows([], [make_question(0, "anna", "test", [])])
    histories = write_histories(tmp_path / "tables", rows.item_table(), rows.question_table())
    vectors = write_vectors(tmp_path / "vectors", np.zeros((0, 2)))
    profile = profile_data(histories, vectors, LETTERS)
    assert (profile.num_users, profile.num_items, profile.newest_time) == (1, 0, None)
    assert profile.text_length == []
    assert profile.label_shares == {}
    assert (profile.vector_mean, profile.vector_spread) == ([0, 0], 0)
    assert profile.items_per_user == [0] * 100
    sizes = {"items_per_user": 1, "text_length": 0, "label_shares": 0, "vector_mean": 0}
    assert profile.effective_sizes == sizes


@pytest.mark.parametrize("task", [LAMP_4, LETTERS], ids=lambda task: task.name)
def test_no_users_own_words_are_listed(tmp_path, task):
    """A headline is a user's text, and so is an output that is none of the labels."""
    items = [make_item("anna", number, 1, output) for number, output in enumerate(("My day", "a"))]
    rows = HistoryRows(items, [make_question(0, "anna", "test", [])])
    histories = write_histories(tmp_path / "tables", rows.item_table(), rows.question_table())
    profile = profile_data(histories, write_vectors(tmp_path / "vectors", np.zeros((2, 1))), task)
    assert profile.label_shares == ({} if task is LAMP_4 else {"a": 0.5, "b": 0, "c": 0, "d": 0})
    assert "My day" not in profile.model_dump_json()
