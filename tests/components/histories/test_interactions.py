"""Events become items and questions; every bad row is named."""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.histories import interactions
from components.histories.config import InteractionsConfig
from components.histories.interactions import list_ranges, read_interactions
from components.histories.tables import Histories
from components.tasks.task import Task
from tests.components.histories.source_writers import write_jsonl, write_text


def make_events(user: str = "ann", num_events: int = 10) -> list[dict[str, Any]]:
    """Return one event a day, numbered; scores go 1, 2, 3, 1, ..."""
    return [
        {
            "user_id": user,
            "timestamp": f"2020-01-{day:02d}",
            "review": f"text {day}",
            "score": 1 + (day - 1) % 3,
            "film": f"f{day}",
        }
        for day in range(1, num_events + 1)
    ]


def make_config(path: Path, **changes: Any) -> InteractionsConfig:
    """Return the mapping of `make_events`."""
    return InteractionsConfig(path=path, input="review", output="score", **changes)


def read(config: InteractionsConfig, task: Task) -> Histories:
    """Read the events into tables beside their file."""
    return read_interactions(config, task, 0, Path(tempfile.mkdtemp(dir=config.path.parent)))


def test_events_worked_by_hand(tmp_path: Path, task: Task) -> None:
    events = [*make_events("bob", 9), *make_events("ann", 10)]
    rows = read(make_config(write_jsonl(tmp_path / "e.jsonl", events)), task)
    # bob has too few events. ann: 7 train (the first has no history), 1 dev, 2 test.
    assert [item["user_id"] for item in rows.items] == ["ann"] * 10
    assert rows.items[1] == {
        "user_id": "ann",
        "item_id": "row-00000011",
        "time": rows.items[1]["time"],
        "text": "score: 2 review: text 2",
        "input": "text 2",
        "output": "2",
    }
    assert str(rows.items[1]["time"]) == "2020-01-02 00:00:00"
    assert [(row["split"], row["payload"], row["history"]) for row in rows.questions] == [
        *(("train", f"text {day}", list(range(day - 1))) for day in range(2, 8)),
        ("dev", "text 8", list(range(7))),
        ("test", "text 9", list(range(8))),
        ("test", "text 10", list(range(9))),
    ]
    last = rows.questions[-1]
    assert (last["input"], last["output"]) == ("How good? review: text 10", "1")
    assert last["question_id"] == "row-00000019"


def test_events_of_the_same_time_are_no_history(tmp_path: Path, task: Task) -> None:
    events = make_events("ann", 4)
    events[1]["timestamp"] = events[2]["timestamp"] = "2020-01-03"
    reordered = [events[3], events[2], events[0], events[1]]
    path = write_jsonl(tmp_path / "e.jsonl", reordered)
    rows = read(make_config(path, min_events=4, test_share=0.5), task)
    # By time, ties as in the file: 1, 3, 2, 4.
    assert [item["input"] for item in rows.items] == ["text 1", "text 3", "text 2", "text 4"]
    assert {row["payload"]: row["history"] for row in rows.questions} == {
        "text 3": [0],
        "text 2": [0],
        "text 4": [0, 1, 2],
    }


def test_limits_of_history_and_questions(tmp_path: Path, task: Task) -> None:
    path = write_jsonl(tmp_path / "e.jsonl", [*make_events("ann"), *make_events("bob")])
    config = make_config(path, max_history_items=2, min_history_items=3, max_test_questions=1)
    rows = read(config, task)
    splits = [row["split"] for row in rows.questions]
    # Train keeps days 4 to 7 of both users.
    assert [splits.count(split) for split in ("train", "dev", "test")] == [8, 2, 1]
    assert rows.questions[0]["history"] == [1, 2]
    assert rows.questions[4]["history"] == [11, 12]


def test_split_by_date_cuts_all_users_at_the_same_moments(tmp_path: Path, task: Task) -> None:
    """Ann has days 1 to 10, bob days 8 to 12: 15 events, of which 3 are test and 2 are dev."""
    late = [{**event, "user_id": "bob"} for event in make_events(num_events=12)[7:]]
    path = write_jsonl(tmp_path / "e.jsonl", [*make_events(), *late])
    config = make_config(path, split_by="date", min_events=1, min_history_items=0)
    days = {"train": [], "dev": [], "test": []}
    for row in read(config, task).questions:
        days[row["split"]].append((row["user_id"], row["time"].day))
    # In order of time: 1 to 7, 8, 8, 9, 9, 10, 10, 11, 12. The 11th, a 9, begins dev, and takes
    # the other 9 with it; the 13th, a 10, begins test, and takes the other 10.
    assert days == {
        "train": [*(("ann", day) for day in range(1, 9)), ("bob", 8)],
        "dev": [("ann", 9), ("bob", 9)],
        "test": [("ann", 10), *(("bob", day) for day in (10, 11, 12))],
    }
    few = make_config(
        path, split_by="date", min_events=1, min_history_items=0, max_train_questions=3
    )
    asked = [row for row in read(few, task).questions if row["split"] == "train"]
    assert [(row["user_id"], row["time"].day) for row in asked] == [
        *(("ann", day) for day in (7, 8)),
        ("bob", 8),
    ]


def test_several_files_are_one_and_leave_their_mark(tmp_path: Path, task: Task) -> None:
    events = [*make_events(), *make_events("bob", 3)]
    whole = read(make_config(write_jsonl(tmp_path / "e.jsonl", events)), task)
    write_jsonl(tmp_path / "parts" / "2020-a.jsonl", events[:4])
    write_jsonl(tmp_path / "parts" / "2020-b.jsonl", events[4:])
    parts = read(make_config(tmp_path / "parts" / "2020-"), task)
    assert parts.content_hash() == whole.content_hash()
    # Bob has too few events.
    assert [(file.name, file.num_items) for file in parts.watermark.files] == [
        ("2020-a.jsonl", 4),
        ("2020-b.jsonl", 6),
    ]
    assert [file.num_items for file in whole.watermark.files] == [10]


def test_a_repeated_id_names_both_of_its_files(tmp_path: Path, task: Task) -> None:
    for name in ("a", "b"):
        write_jsonl(tmp_path / "parts" / f"{name}.jsonl", make_events())
    config = make_config(tmp_path / "parts", item_id="film")
    said = r"b\.jsonl, row 1, field 'film': id 'f1' of user 'ann' stands in .*a\.jsonl, row 1 alre"
    with pytest.raises(ValueError, match=said):
        read(config, task)


def test_split_by_user_keeps_users_apart(tmp_path: Path, task: Task) -> None:
    events = [event for n in range(20) for event in make_events(f"u{n}", 3)]
    path = write_jsonl(tmp_path / "e.jsonl", events)
    config = make_config(path, split_by="user", min_events=3, dev_share=0.25)
    rows = read(config, task)
    users = {
        split: {row["user_id"] for row in rows.questions if row["split"] == split}
        for split in ("train", "dev", "test")
    }
    assert [len(group) for group in users.values()] == [10, 4, 6]
    assert len(set.union(*users.values())) == 20
    # Test users' first events are asked too: users without history are a designed case.
    assert next(row["history"] for row in rows.questions if row["split"] == "test") == []


def test_csv_and_parquet_give_what_jsonl_gives(tmp_path: Path, task: Task) -> None:
    events = make_events()
    columns = list(events[0])
    lines = [",".join(columns)] + [",".join(str(event[c]) for c in columns) for event in events]
    paths = [
        write_jsonl(tmp_path / "e.jsonl.gz", events),
        write_text(tmp_path / "e.csv", "\n".join(lines)),
        tmp_path / "e.parquet",
    ]
    pq.write_table(pa.Table.from_pylist(events), paths[2])
    found = [read(make_config(path, item_id="film"), task) for path in paths]
    assert len({histories.content_hash() for histories in found}) == 1
    assert found[0].items[0]["item_id"] == "f1"
    assert found[0].questions[0]["question_id"] == "ann:f2"


def test_pieces_of_any_size_give_the_same_tables(
    tmp_path: Path, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = ("zoë", "Zoe", "ann", "\U0001f642", "\uff5a")  # in order of code points, not of UTF-16
    events = [event for user in users for event in make_events(user)]
    config = make_config(write_jsonl(tmp_path / "e.jsonl", events[::-1]), max_history_items=4)
    whole = read(config, task)
    assert list(dict.fromkeys(whole.items["user_id"])) == sorted(users)
    monkeypatch.setattr(interactions, "ROWS_PER_BATCH", 3)
    assert read(config, task).content_hash() == whole.content_hash()


def test_ranges_are_listed() -> None:
    starts, ends = np.array([2, 0, 7]), np.array([4, 0, 8])
    assert list_ranges(starts, ends).to_pylist() == [[2, 3], [], [7]]


def test_template_may_name_any_column(tmp_path: Path, task: Task) -> None:
    path = write_jsonl(tmp_path / "e.jsonl", make_events())
    task = task.model_copy(update={"history_template": "{film}: {text} ({review}) {score}"})
    rows = read(make_config(path), task)
    assert rows.items[4]["text"] == "f5: text 5 (text 5) 2"


def test_dropped_labels_are_left_out_before_counting(tmp_path: Path, task: Task) -> None:
    events = make_events()
    events[3]["score"] = 9
    path = write_jsonl(tmp_path / "e.jsonl", events)
    rows = read(make_config(path, drop_labels=("9",), min_events=9), task)
    assert [item["input"] for item in rows.items] == [
        f"text {day}" for day in range(1, 11) if day != 4
    ]
    with pytest.raises(ValueError, match="no question is left"):
        read(make_config(path, drop_labels=("9",)), task)


def test_bad_rows_are_named_together_up_to_a_limit(tmp_path: Path, task: Task) -> None:
    events = make_events()
    events[2]["timestamp"], events[5]["score"] = "soon", None
    path = write_jsonl(tmp_path / "e.jsonl", events)
    with pytest.raises(ValueError, match=r"row 3, field 'timestamp'.*\n.*row 6, field 'score'"):
        read(make_config(path), task)
    path = write_jsonl(tmp_path / "f.jsonl", [{**event, "score": None} for event in events * 3])
    with pytest.raises(ValueError, match="field 'score': has no value") as caught:
        read(make_config(path), task)
    assert len(str(caught.value).splitlines()) == 10


def test_a_label_of_no_task_is_left_to_the_validation(tmp_path: Path, task: Task) -> None:
    events = make_events()
    events[3]["score"] = 9
    rows = read(make_config(write_jsonl(tmp_path / "e.jsonl", events)), task)
    assert [item["output"] for item in rows.items].count("9") == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"score": None}, "field 'score': has no value"),
        ({"timestamp": "2020-13-01"}, "field 'timestamp': '2020-13-01' is no date"),
        ({"user_id": ""}, "field 'user_id': is blank"),
        ({"review": ["a"]}, "field 'review': is list"),
        ({"review": "a \ud83d"}, "field 'review': holds half a character"),
        ({"film": "f1"}, "field 'film': id 'f1' of user 'ann' stands in "),
    ],
)
def test_bad_values_name_file_row_and_field(
    tmp_path: Path, task: Task, change: dict[str, Any], said: str
) -> None:
    events = make_events()
    events[4] |= change
    path = write_jsonl(tmp_path / "e.jsonl", events)
    with pytest.raises(ValueError) as caught:
        read(make_config(path, item_id="film"), task)
    assert str(caught.value).startswith(f"{path}, row 5, {said}")


@pytest.mark.parametrize("field", ["user_id", "timestamp", "review", "score", "film"])
def test_missing_fields_are_named(tmp_path: Path, task: Task, field: str) -> None:
    events = make_events()
    del events[4][field]
    path = write_jsonl(tmp_path / "e.jsonl", events)
    with pytest.raises(ValueError, match=f"row 5, field '{field}': is missing"):
        read(make_config(path, item_id="film"), task)


def test_a_column_that_only_the_template_names_is_needed_too(tmp_path: Path, task: Task) -> None:
    path = write_jsonl(tmp_path / "e.jsonl", make_events())
    task = task.model_copy(update={"history_template": "{genre} {text}"})
    with pytest.raises(ValueError, match="row 1, field 'genre': is missing"):
        read(make_config(path), task)


def test_a_line_that_is_no_json_is_named(tmp_path: Path, task: Task) -> None:
    lines = [json.dumps(event) for event in make_events()]
    lines[6] = lines[6][:-3]
    path = write_text(tmp_path / "e.jsonl", "\n".join(lines))
    with pytest.raises(ValueError, match=r"row 7, column \d+: no JSON"):
        read(make_config(path), task)
