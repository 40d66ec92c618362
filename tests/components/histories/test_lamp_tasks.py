"""All tasks of the benchmark are read, in both of its layouts."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.histories.config import LampConfig
from components.histories.lamp import read_lamp
from components.tasks.lamp import LAMP_TASKS
from components.tasks.task import Task
from tests.components.histories.source_writers import write_text

# Of every task: the fields of an item, its text with and without the output, the input and output
# that are kept of it, a question's payload, its gold.
INVENTED: dict[str, tuple[dict[str, Any], str, str, str, str | None, str, str]] = {
    "LaMP_1": (
        {"title": "On owls", "abstract": "We watch."},
        *["title: On owls abstract: We watch."] * 2,
        *("On owls", None),
        *('"On mice" [1]: "Of cats" [2]: "Of dogs"', "[2]"),
    ),
    "LaMP_2": (
        {"description": "A duel.", "tag": "action"},
        *("tag: action description: A duel.", "description: A duel."),
        *("A duel.", "action"),
        *("A trip.", "sci-fi"),
    ),
    "LaMP_3": (
        {"text": "So so.", "score": 3},
        *("score: 3 review: So so.", "review: So so."),
        *("So so.", "3"),
        *("Fine.", "4"),
    ),
    "LaMP_4": (
        {"title": "Rain", "text": "It rains."},
        *("title: Rain article: It rains.", "article: It rains."),
        *("It rains.", "Rain"),
        *("It snows.", "Snow"),
    ),
    "LaMP_5": (
        {"title": "On owls", "abstract": "We watch."},
        *("title: On owls abstract: We watch.", "abstract: We watch."),
        *("We watch.", "On owls"),
        *("We wait.", "On mice"),
    ),
    "LaMP_6": (
        {"title": "Lunch", "text": "At noon?"},
        *("subject: Lunch email: At noon?", "email: At noon?"),
        *("At noon?", "Lunch"),
        *("At one?", "Late lunch"),
    ),
    "LaMP_7": (
        {"text": "gm all"},
        *["gm all"] * 2,
        *("gm all", None),
        *("Good night.", "gn all"),
    ),
}


def write_folder(folder: Path, task: Task, setting: str) -> None:
    """Write a train split of two users; user-based profiles have no dates, nor ids of users."""
    fields, *_, payload, gold = INVENTED[task.name]
    questions = []
    for user in ("ann", "bob"):
        dates = [{"date": f"20{year}-05-01"} if setting == "time" else {} for year in (20, 10)]
        profile = [{"id": f"{user}{n}", **fields, **date} for n, date in enumerate(dates)]
        more = {"user_id": user} if setting == "time" else {}
        prompt = task.render_prompt(payload)
        questions.append({"id": f"{user}-q", "input": prompt, "profile": profile, **more})
    golds = [{"id": question["id"], "output": gold} for question in questions]
    documents = {"questions": questions, "outputs": {"task": task.name, "golds": golds}}
    for kind, document in documents.items():
        write_text(folder / "train" / f"train_{kind}.json", json.dumps(document))


@pytest.mark.parametrize("setting", ["user", "time"])
@pytest.mark.parametrize("shows", [True, False])
@pytest.mark.parametrize("name", LAMP_TASKS)
def test_both_layouts_are_read(tmp_path: Path, name: str, setting: str, shows: bool) -> None:
    task = LAMP_TASKS[name].model_copy(update={"show_outputs": shows})
    _, shown, plain, text, output, payload, gold = INVENTED[name]
    write_folder(tmp_path, task, setting)
    read = read_lamp(LampConfig(folder=tmp_path), task, 0, tmp_path / "tables")
    assert set(read.items["text"]) == {shown if shows else plain}
    assert set(read.items["input"]) == {text}
    assert set(read.items["output"]) == {output}
    assert set(read.questions["payload"]) == {payload}
    assert set(read.questions["output"]) == {gold}
    # Oldest first where there are dates, else as they stand.
    order = ["ann1", "ann0"] if setting == "time" else ["ann0", "ann1"]
    assert [read.items[row]["item_id"] for row in read.questions[0]["history"]] == order
    users = ["ann", "bob"] if setting == "time" else ["item:ann0", "item:bob0"]
    assert list(read.questions["user_id"]) == users
