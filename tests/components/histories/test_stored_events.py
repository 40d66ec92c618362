"""A persona store's events become what a file's become; what can't be asked stays an item."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from components.histories.config import DataConfig, StoreSourceConfig
from components.histories.events import StoredEvents, StoreWatermark
from components.histories.interactions import read_stored_events
from components.histories.read import read_histories
from components.histories.tables import Histories
from components.tasks.task import Task

WATERMARK = StoreWatermark(
    tenant="default", fingerprint="minilm-1", generation=2, sequences=(7, 0, 9)
)


def make_events(num_events: int = 10) -> list[dict[str, Any]]:
    """Return one event of ann a day, numbered; scores go 1, 2, 3, 1, ..."""
    return [
        {
            "user_id": "ann",
            "item_id": f"f{day}",
            "time": datetime(2020, 1, day),
            "input": f"text {day}",
            "output": str(1 + (day - 1) % 3),
        }
        for day in range(1, num_events + 1)
    ]


def read(directory: Path, events: list[dict[str, Any]], task: Task, **config: Any) -> Histories:
    stored = StoredEvents(iter(events), WATERMARK)
    return read_stored_events(StoreSourceConfig(**config), stored, task, 0, directory)


def list_questions(histories: Histories) -> list[tuple[str, str, list[int]]]:
    return [(row["split"], row["question_id"], row["history"]) for row in histories.questions]


@pytest.fixture
def plain_task(task: Task) -> Task:
    """Reviews may lack their score."""
    return task.model_copy(update={"plain_history_template": "review: {text}"})


def test_events_worked_by_hand(tmp_path: Path, task: Task) -> None:
    histories = read(tmp_path / "h", make_events(), task)
    assert histories.items[1] == {
        "user_id": "ann",
        "item_id": "f2",
        "time": datetime(2020, 1, 2),
        "text": "score: 2 review: text 2",
        "input": "text 2",
        "output": "2",
    }
    # 7 train (the first has no history), 1 dev, 2 test.
    assert list_questions(histories) == [
        *(("train", f"ann:f{day}", list(range(day - 1))) for day in range(2, 8)),
        ("dev", "ann:f8", list(range(7))),
        ("test", "ann:f9", list(range(8))),
        ("test", "ann:f10", list(range(9))),
    ]


def test_an_event_without_a_label_is_an_item_and_no_question(
    tmp_path: Path, plain_task: Task
) -> None:
    events = make_events(12)
    events[3]["output"] = events[11]["output"] = None
    histories = read(tmp_path / "h", events, plain_task)
    assert (histories.items[3]["text"], histories.items[3]["output"]) == ("review: text 4", None)
    # The ten others are cut as ten: the user's last event takes no question out of test.
    assert list_questions(histories) == [
        *(("train", f"ann:f{day}", list(range(day - 1))) for day in (2, 3, 5, 6, 7, 8)),
        ("dev", "ann:f9", list(range(8))),
        ("test", "ann:f10", list(range(9))),
        ("test", "ann:f11", list(range(10))),
    ]


def test_an_event_without_a_time_is_an_item_that_comes_first(tmp_path: Path, task: Task) -> None:
    events = make_events(5)
    events[1]["time"] = events[4]["time"] = None
    histories = read(tmp_path / "h", events, task, min_events=5, dev_share=0, test_share=0.3)
    assert histories.items["item_id"] == ["f2", "f5", "f1", "f3", "f4"]
    assert histories.items["time"][:2] == [None, None]
    assert list_questions(histories) == [
        ("train", "ann:f1", [0, 1]),
        ("train", "ann:f3", [0, 1, 2]),
        ("test", "ann:f4", [0, 1, 2, 3]),
    ]


def test_split_by_user_asks_only_what_can_be_asked(tmp_path: Path, plain_task: Task) -> None:
    events = make_events(4)
    events[2]["output"] = None
    config = {"split_by": "user", "min_events": 4, "test_share": 0, "dev_share": 0}
    histories = read(tmp_path / "h", events, plain_task, **config)
    assert list_questions(histories) == [
        ("train", "ann:f2", [0]),
        ("train", "ann:f4", [0, 1, 2]),
    ]


def test_an_item_that_no_template_can_show_is_named(tmp_path: Path, task: Task) -> None:
    events = make_events()
    events[3]["output"] = None
    said = "^persona store, user 'ann', item 'f4', field 'output': has no value, and task score has"
    with pytest.raises(ValueError, match=said):
        read(tmp_path / "h", events, task)
    task = task.model_copy(update={"history_template": "{genre} {text}"})
    with pytest.raises(ValueError, match=r"item 'f1', field 'genre': is missing; there are \['inp"):
        read(tmp_path / "h", make_events(), task)


@pytest.mark.parametrize("events", [[], make_events(9)])
def test_too_few_events_leave_no_question(
    tmp_path: Path, task: Task, events: list[dict[str, Any]]
) -> None:
    with pytest.raises(ValueError, match="persona store: no question is left; users with fewer"):
        read(tmp_path / "h", events, task)


def test_watermark_stays_with_the_histories_and_outside_their_hash(
    tmp_path: Path, task: Task
) -> None:
    first = read(tmp_path / "first", make_events(), task)
    assert first.watermark == WATERMARK
    later = WATERMARK.model_copy(update={"generation": 3})
    stored = StoredEvents(make_events(), later)
    second = read_stored_events(StoreSourceConfig(), stored, task, 0, tmp_path / "second")
    assert second.watermark == later
    assert first.content_hash() == second.content_hash()
    edited = make_events()
    edited[0]["input"] = "edited"
    assert read(tmp_path / "third", edited, task).content_hash() != first.content_hash()


def test_the_store_is_read_as_configured(tmp_path: Path, task: Task) -> None:
    config = DataConfig(source="store", store=StoreSourceConfig(max_test_questions=1))
    stored = StoredEvents(make_events(), WATERMARK)
    histories = read_histories(config, task, 0, tmp_path / "h", stored)
    assert histories.questions["split"].count("test") == 1
    with pytest.raises(ValueError, match="only a run of the pipeline opens; export it to a file"):
        read_histories(config, task, 0, tmp_path / "other")


def test_settings_of_all_users_leave_nobody_out():
    store = DataConfig.model_validate({"source": "store", "store": {"min_events": 7}})
    columns = {"path": "x.csv", "input": "a", "output": "b"}
    file = DataConfig.model_validate({"source": "interactions", "interactions": columns})
    assert not store.is_complete
    assert not file.is_complete
    assert store.of_all_users().store.min_events == 1
    assert file.of_all_users().interactions.min_events == 1
    assert file.of_all_users().is_complete
    assert store.of_all_users().is_complete
    assert DataConfig().of_all_users() == DataConfig()
    assert DataConfig().is_complete
