"""LaMP's layout: users, order, payloads, withheld golds, and every bad file named."""

import json
import logging
import shutil
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from components.histories.config import LampConfig
from components.histories.lamp import read_lamp
from components.tasks.task import Task
from tests.components.histories.source_writers import write_text

NUMBERS = count()
PROMPT = "How good? review: "


def make_item(name: str, day: int | None = None, score: Any = "1") -> dict[str, Any]:
    """Return a profile item, dated if a day is given."""
    date = {} if day is None else {"date": f"2020-01-{day:02d}"}
    return {"id": name, "text": f"text {name}", "score": score, **date}


def make_question(name: str, *profile: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a question on the text "fine"."""
    return {"id": name, "input": f"{PROMPT}fine", "profile": list(profile), **more}


def write_split(
    folder: Path, split: str, questions: Any, golds: Any = None, suffix: str = ".json"
) -> None:
    """Write a split; by default every question's gold is 2."""
    if golds is None:
        golds = [{"id": question["id"], "output": "2"} for question in questions]
    documents = {"questions": questions, "outputs": {"task": "LaMP_3", "golds": golds}}
    for kind, document in documents.items():
        write_text(folder / f"{split}_{kind}{suffix}", json.dumps(document))


def read(folder: Path, task: Task, **changes: Any) -> Any:
    """Read the folder into a new one below it."""
    directory = folder / f"tables-{next(NUMBERS)}"
    return read_lamp(LampConfig(folder=folder, **changes), task, 0, directory)


def test_worked_by_hand(tmp_path: Path, task: Task) -> None:
    late, early, undated = make_item("a", 9, 3), make_item("b", 2), make_item("c")
    questions = [
        make_question("q1", late, early, undated, user_id="zoe", date="2020-02-01"),
        make_question("q2", early, user_id="zoe"),
        make_question("q3", make_item("a", 5), user_id="ann"),
        make_question("q4", user_id="cold"),
    ]
    write_split(tmp_path / "test", "test", questions)
    rows = read(tmp_path, task)
    assert [(item["user_id"], item["item_id"]) for item in rows.items] == [
        ("ann", "a"),
        ("zoe", "c"),
        ("zoe", "b"),
        ("zoe", "a"),
    ]
    assert rows.items[3] == {
        "user_id": "zoe",
        "item_id": "a",
        "time": datetime(2020, 1, 9),
        "text": "score: 3 review: text a",
        "input": "text a",
        "output": "3",
    }
    assert [row["history"] for row in rows.questions] == [[1, 2, 3], [2], [0], []]
    assert rows.questions[0] == {
        "question_id": "q1",
        "user_id": "zoe",
        "split": "test",
        "time": datetime(2020, 2, 1),
        "input": "How good? review: fine",
        "payload": "fine",
        "output": "2",
        "history": [1, 2, 3],
    }
    assert rows.questions[1]["time"] is None
    assert [row["history"] for row in read(tmp_path, task, max_history_items=2).questions] == [
        *([2, 3], [2], [0], [])
    ]


def test_a_question_that_became_an_item_later_has_its_date(tmp_path: Path, task: Task) -> None:
    fine = {"id": "q1", "text": "fine", "score": "2", "date": "2020-01-07"}
    other = {**fine, "id": "q2", "text": "another text"}
    write_split(
        tmp_path / "train",
        "train",
        [
            make_question("q1", make_item("a", 5), user_id="zoe"),
            make_question("q2", make_item("a", 5), user_id="zoe"),
            make_question("q3", make_item("a", 5), user_id="zoe", date="2020-01-06"),
        ],
    )
    later = make_question("q4", make_item("a", 5), fine, other, user_id="zoe")
    stranger = make_question("q5", user_id="ann")
    write_split(tmp_path / "test", "test", [later, stranger])
    times = {row["question_id"]: row["time"] for row in read(tmp_path, task).questions}
    # Item q2 has another text than question q2: the same id by chance.
    assert times == {
        "q1": datetime(2020, 1, 7),
        "q2": None,
        "q3": datetime(2020, 1, 6),
        "q4": None,
        "q5": None,
    }


def test_users_without_id_share_their_oldest_item(tmp_path: Path, task: Task) -> None:
    first, second, other = make_item("a", 1), make_item("b", 2), make_item("c", 3)
    write_split(tmp_path, "train", [make_question("1", first), make_question("2", other)])
    write_split(tmp_path, "test", [make_question("3", second, first), make_question("4")])
    rows = read(tmp_path, task)
    assert {row["question_id"]: row["user_id"] for row in rows.questions} == {
        "1": "item:a",
        "2": "item:c",
        "3": "item:a",
        "4": "question:4",
    }
    assert len(rows.items) == 3


def test_neighbours_of_the_same_profile(tmp_path: Path, task: Task) -> None:
    items = make_item("a", 1), make_item("b", 2)
    users = ["zoe", "zoe", "ann"]
    questions = [make_question(str(n), *items, user_id=user) for n, user in enumerate(users)]
    write_split(tmp_path, "train", questions)
    rows = read(tmp_path, task)
    assert [row["history"] for row in rows.questions] == [[2, 3], [2, 3], [0, 1]]
    assert [item["user_id"] for item in rows.items] == ["ann", "ann", "zoe", "zoe"]


@pytest.mark.parametrize("place", ["", "dev"])
@pytest.mark.parametrize("suffix", [".json", ".json.gz"])
def test_both_places_plain_or_packed(tmp_path: Path, task: Task, place: str, suffix: str) -> None:
    write_split(tmp_path / place, "dev", [make_question("q", make_item("a"))], suffix=suffix)
    assert [row["split"] for row in read(tmp_path, task).questions] == ["dev"]


def test_limits_are_read(tmp_path: Path, task: Task) -> None:
    write_split(tmp_path, "test", [make_question("q")])
    write_text(tmp_path / "limits.json", '{"oracle": {"mae": {"q": "2"}}}')
    assert read(tmp_path, task).limits == {"oracle": {"mae": {"q": "2"}}}


def test_withheld_golds_leave_the_split_out_with_a_warning(
    tmp_path: Path, task: Task, caplog: pytest.LogCaptureFixture
) -> None:
    write_split(tmp_path, "train", [make_question("q")])
    write_split(tmp_path / "test", "test", [make_question("r")])
    (tmp_path / "test" / "test_outputs.json").unlink()
    with caplog.at_level(logging.WARNING):
        rows = read(tmp_path, task)
    assert [row["question_id"] for row in rows.questions] == ["q"]
    assert "test_outputs.json" in caplog.text


def test_inputs_worded_otherwise_are_counted(
    tmp_path: Path, task: Task, caplog: pytest.LogCaptureFixture
) -> None:
    questions = [make_question("q"), make_question("r") | {"input": "Hm? review: so so"}]
    write_split(tmp_path, "train", questions)
    with caplog.at_level(logging.WARNING):
        rows = read(tmp_path, task)
    assert [row["payload"] for row in rows.questions] == ["fine", "so so"]
    assert rows.questions[1]["input"] == "Hm? review: so so"
    assert "1 of 2 inputs" in caplog.text
    assert "(first: r)" in caplog.text


def without(field: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return the object without a field."""
    return {key: value for key, value in values.items() if key != field}


ITEM = make_item("a", 1)
QUESTION = make_question("q", ITEM)


@pytest.mark.parametrize(
    ("questions", "said"),
    [
        ([], "has no questions"),
        ({"q": QUESTION}, "expected a list of questions, got dict"),
        ([QUESTION, "x"], "question number 2: expected an object, got str"),
        ([without("id", QUESTION)], "question number 1, field 'id': is missing"),
        ([without("input", QUESTION)], "question 'q', field 'input': is missing"),
        ([without("profile", QUESTION)], "question 'q', field 'profile': is missing"),
        ([QUESTION | {"profile": {}}], "question 'q', field 'profile': is dict, expected a list"),
        ([QUESTION | {"profile": ["x"]}], "question 'q', field 'profile': item 1 is str"),
        ([QUESTION | {"date": "one day"}], "question 'q', field 'date': 'one day' is no date"),
        ([QUESTION | {"user_id": None}], "question 'q', field 'user_id': has no value"),
        ([QUESTION, QUESTION], "question 'q', field 'id': stands in .*questions.json already"),
        (
            [make_question("q", ITEM, without("score", make_item("b")))],
            "question 'q', profile item 2, field 'score': is missing",
        ),
        (
            [make_question("q", make_item("b", score=7))],
            "question 'q', profile item 1, field 'score': label '7' is none of",
        ),
        (
            [make_question("q", ITEM | {"date": "2020-02-30"})],
            "question 'q', profile item 1, field 'date': '2020-02-30' is no date",
        ),
        ([make_question("q", ITEM, ITEM)], "item 2, field 'id': 'a' stands twice"),
        (
            [QUESTION, make_question("r", ITEM | {"text": "other"})],
            "question 'r', profile item 1, field 'id': 'a' stood for another item",
        ),
    ],
)
def test_bad_questions(tmp_path: Path, task: Task, questions: Any, said: str) -> None:
    golds = [{"id": name, "output": "2"} for name in ("q", "r")]
    write_split(tmp_path, "train", questions, golds)
    path = tmp_path / "train_questions.json"
    with pytest.raises(ValueError, match=f"{path}(, |: ).*{said}"):
        read(tmp_path, task)


@pytest.mark.parametrize(
    ("golds", "said"),
    [
        ([{"id": "q", "output": "4"}], "gold 'q', field 'output': label '4' is none of"),
        ([{"id": "q"}], "gold 'q', field 'output': is missing"),
        ([{"output": "2"}], "gold number 1, field 'id': is missing"),
        ([{"id": "q", "output": "2"}] * 2, "gold 'q', field 'id': has a gold already"),
        ({}, "expected a list of golds, got dict"),
        ([{"id": "p", "output": "2"}], "question 'q', field 'output': there is no gold"),
    ],
)
def test_bad_golds(tmp_path: Path, task: Task, golds: Any, said: str) -> None:
    write_split(tmp_path, "train", [QUESTION], golds)
    with pytest.raises(ValueError, match=f"train_.*{said}.*"):
        read(tmp_path, task)


def test_golds_of_another_benchmark_task_are_refused(tmp_path: Path, task: Task) -> None:
    write_split(tmp_path, "train", [QUESTION])
    named = task.model_copy(update={"name": "LaMP_4"})
    with pytest.raises(ValueError, match=r"train_outputs\.json, field 'task': is 'LaMP_3', but"):
        read(tmp_path, named)
    assert read(tmp_path, task.model_copy(update={"name": "LaMP_3"})).questions
    # A task of one's own may have taken over the benchmark's file, or say nothing.
    assert read(tmp_path, task).questions
    write_text(tmp_path / "train_outputs.json", '{"golds": [{"id": "q", "output": "2"}]}')
    assert read(tmp_path, named).questions


def test_an_id_in_two_splits_is_refused(tmp_path: Path, task: Task) -> None:
    write_split(tmp_path, "train", [QUESTION])
    write_split(tmp_path, "test", [QUESTION])
    with pytest.raises(ValueError, match=r"test_questions.*'q'.*stands in .*train_questions"):
        read(tmp_path, task)


def test_outputs_without_golds_and_an_empty_folder(tmp_path: Path, task: Task) -> None:
    with pytest.raises(ValueError, match="no question with its output"):
        read(tmp_path, task)
    write_split(tmp_path, "train", [QUESTION])
    write_text(tmp_path / "train_outputs.json", '{"task": "LaMP_3"}')
    with pytest.raises(ValueError, match=r"train_outputs\.json, field 'golds': is missing"):
        read(tmp_path, task)
    shutil.copy(tmp_path / "train_questions.json", tmp_path / "train_outputs.json")
    with pytest.raises(ValueError, match=r"train_outputs\.json, field 'golds'"):
        read(tmp_path, task)
