"""Statistics of users' histories, worked by hand."""

import pyarrow as pa
import pytest

from components.evaluation.config import UserStatisticsConfig
from components.evaluation.history_counts import count_labels
from components.evaluation.user_statistics import (
    LabelAnswerer,
    answer_from_statistics,
    hold_out_users,
)
from components.histories.tables import ITEM_SCHEMA, QUESTION_SCHEMA, write_histories
from components.tasks.task import Task

TEMPLATES = {"prompt": "{payload}", "input_field": "text", "history_template": "{text}"}
TAGS = Task(name="tags", kind="classification", labels=("a", "b", "c"), **TEMPLATES)
SCORES = Task(name="scores", kind="ordinal", labels=("1", "2", "3", "4", "5"), **TEMPLATES)
TITLES = Task(name="titles", kind="text", **TEMPLATES)
CONFIG = UserStatisticsConfig()


def build_histories(directory, users):
    """Users as (split, outputs of the history, payload, gold), one question each."""
    items, questions = [], []
    for number, (split, outputs, payload, gold) in enumerate(users):
        user, first = f"user-{number:03d}", len(items)
        for index, output in enumerate(outputs):
            item = {"user_id": user, "item_id": str(index), "time": None, "output": output}
            items.append(item | {"text": "text", "input": "text"})
        question = {"question_id": user, "user_id": user, "split": split, "time": None}
        history = list(range(first, len(items)))
        question |= {"input": payload, "payload": payload, "output": gold, "history": history}
        questions.append(question)
    return write_histories(
        directory,
        pa.Table.from_pylist(items, schema=ITEM_SCHEMA),
        pa.Table.from_pylist(questions, schema=QUESTION_SCHEMA),
    )


def answers_by_candidate(directory, users, task):
    histories = build_histories(directory, users)
    questions = histories.questions.with_format("arrow")[:]
    train = questions.filter(pa.compute.equal(questions["split"], "train")).combine_chunks()
    test = questions.filter(pa.compute.equal(questions["split"], "test")).combine_chunks()
    answerer = LabelAnswerer(histories, train, task, CONFIG)
    names = ["most_frequent", "last", "recency_weighted"]
    names += ["mean"] if task.kind == "ordinal" else []
    return {name: answerer.answer(name, test) for name in names}


def test_counts_of_a_history_and_of_none(tmp_path):
    users = [("test", ["a", "b", None, "odd", "b"], "x", "a"), ("test", [], "x", "a")]
    histories = build_histories(tmp_path / "tables", users)
    counted = count_labels(histories, histories.questions.with_format("arrow")[:], TAGS, 0.5)
    assert counted.counts.tolist() == [[1, 2, 0], [0, 0, 0]]
    assert counted.decayed.tolist() == [[0.25, 1.5, 0], [0, 0, 0]]  # b 1 + .5, a .25
    assert counted.last.tolist() == [1, -1]
    assert counted.is_known.tolist() == [True, False]


def test_candidates_by_hand(tmp_path):
    users = [
        ("train", ["a"], "x", "c"),
        ("train", ["a"], "x", "c"),
        ("train", ["b"], "x", "a"),
        ("test", ["a", "a", "a", "b", "b"], "x", "a"),  # decayed: a 1.0633, b 1.7
        ("test", ["b", "a", "a", "b", "c"], "x", "a"),  # a and b twice, b lately
        ("test", [], "x", "a"),
    ]
    assert answers_by_candidate(tmp_path / "tables", users, TAGS) == {
        "most_frequent": ["a", "b", "c"],
        "last": ["b", "c", "c"],
        "recency_weighted": ["b", "c", "c"],
    }


def test_the_mean_is_rounded_to_a_label(tmp_path):
    users = [
        ("train", [], "x", "5"),
        ("train", [], "x", "2"),
        ("train", [], "x", "2"),
        ("test", ["1", "4", "5"], "x", "1"),
        ("test", [], "x", "1"),
    ]
    answers = answers_by_candidate(tmp_path / "tables", users, SCORES)
    assert answers["mean"] == ["3", "3"]
    assert answers["most_frequent"] == ["5", "2"]


def test_dev_chooses_the_candidate(tmp_path):
    # The last label is always the gold; the most frequent one never is.
    users = [
        (split, ["b", "b", "b", "c"] if odd else ["c", "c", "c", "b"], "same words", "cb"[odd - 1])
        for split in ("train", "dev", "test")
        for odd in (0, 1)
        for _ in range(4)
    ]
    histories = build_histories(tmp_path / "tables", users)
    rows = [row for row, split in enumerate(histories.questions["split"]) if split == "test"]
    found = answer_from_statistics(histories, rows, TAGS, CONFIG, seed=0)
    assert found.chosen == "last"
    assert found.scores["last"] == 1
    assert found.scores["most_frequent"] == 0
    assert found.predictions == [histories.questions[row]["output"] for row in rows]
    assert found.chosen_on == "dev"


def test_evaluated_dev_questions_do_not_choose(tmp_path):
    # On train the last label is the gold, on dev the most frequent one.
    histories_by_gold = {"c": ["b", "b", "b", "c"], "b": ["c", "c", "c", "b"]}
    users = [
        (split, histories_by_gold[{"train": gold, "dev": other}[split]], "same words", gold)
        for split in ("train", "dev")
        for gold, other in ("cb", "bc")
        for _ in range(8)
    ]
    histories = build_histories(tmp_path / "tables", users)
    rows = [row for row, split in enumerate(histories.questions["split"]) if split == "dev"]
    found = answer_from_statistics(histories, rows, TAGS, CONFIG, seed=0)
    assert (found.chosen, found.chosen_on) == ("last", "train")
    assert found.scores["last"] == 1
    assert found.scores["most_frequent"] == 0
    golds = [histories.questions[row]["output"] for row in rows]
    assert all(answer != gold for answer, gold in zip(found.predictions, golds, strict=True))


def test_held_out_users_are_a_seeded_tenth_with_all_their_questions():
    users = [f"user-{number % 30:02d}" for number in range(90)]
    train = pa.table({"user_id": users, "payload": [str(number) for number in range(90)]})
    learned, choosing = hold_out_users(train, seed=1)
    assert (len(learned), len(choosing)) == (81, 9)
    assert not set(learned["user_id"].to_pylist()) & set(choosing["user_id"].to_pylist())
    assert choosing.equals(hold_out_users(train, seed=1)[1])
    assert not choosing.equals(hold_out_users(train, seed=2)[1])
    assert [len(part) for part in hold_out_users(train.slice(0, 2), seed=0)] == [1, 1]
    with pytest.raises(ValueError, match="only one user has train questions"):
        hold_out_users(train.slice(0, 1), seed=0)


def test_the_chosen_candidate_then_learns_from_all_train_users(tmp_path):
    users = [("train", [], "x", gold) for gold in "aabb"] + [("train", [], "x", "b")]
    users += [("dev", [], "x", "b")]
    for seed in range(5):  # whoever is held out, b is the most frequent one in all of train
        histories = build_histories(tmp_path / str(seed), users)
        found = answer_from_statistics(histories, [5], TAGS, CONFIG, seed)
        assert found.predictions == ["b"]


@pytest.mark.parametrize(("task", "answers"), [(SCORES, ("1", "5")), (TAGS, ("a", "b"))])
def test_text_plus_user_reads_both(tmp_path, task, answers):
    # The text says which of two, and users with a "c" (or 3) history turn it around.
    low, high = answers
    odd = task.labels[2]
    kinds = [
        ([low], "bad film", low),
        ([low], "good film", high),
        ([odd], "fine show", odd),
        ([odd], "poor show", odd),
    ]
    splits = ("train",) * 20 + ("dev", "test")
    histories = build_histories(
        tmp_path / "tables", [(split, *kind) for split in splits for kind in kinds]
    )
    rows = [row for row, split in enumerate(histories.questions["split"]) if split == "test"]
    found = answer_from_statistics(histories, rows, task, CONFIG, seed=0)
    assert found.chosen == "text_plus_user"
    assert found.predictions == [gold for _, _, gold in kinds]


def test_texts_answer_with_the_last_one(tmp_path):
    users = [
        ("train", [], "x", "Common"),
        ("train", [], "x", "Common"),
        ("train", [], "x", "Rare"),
        ("dev", ["Old"], "x", "Old"),
        ("test", ["Old", "New", None], "x", "?"),
        ("test", [], "x", "?"),
    ]
    histories = build_histories(tmp_path / "tables", users)
    found = answer_from_statistics(histories, [4, 5], TITLES, CONFIG, seed=0)
    assert found.predictions == ["New", "Common"]
    assert found.scores == {"last": 1.0}


def test_a_missing_split_is_named(tmp_path):
    histories = build_histories(tmp_path / "tables", [("train", [], "x", "a")])
    with pytest.raises(ValueError, match="dev is empty"):
        answer_from_statistics(histories, [0], TAGS, CONFIG, seed=0)
