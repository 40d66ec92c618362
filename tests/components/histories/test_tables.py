"""The tables on disk: deterministic bytes, memory mapping, and refusals."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from components.histories.tables import (
    ITEM_SCHEMA,
    QUESTION_SCHEMA,
    Histories,
    HistoryRows,
    ItemRow,
    QuestionRow,
    write_histories,
)


def make_rows(num_items: int = 4) -> HistoryRows:
    """Return items of one user, the first without date, and a question on all of them."""
    items = [
        ItemRow(
            user_id="ann",
            item_id=str(row),
            time=datetime(2020, 1, 1 + row % 28) if row else None,
            text=f"score: 1 review: nice {row}",
            input=f"nice {row}",
            output="1" if row % 2 else None,
        )
        for row in range(num_items)
    ]
    question = QuestionRow(
        question_id="q",
        user_id="ann",
        split="test",
        time=None,
        input="How good? review: fine",
        payload="fine",
        output="2",
        history=list(range(num_items)),
    )
    cold = question | {"question_id": "cold", "user_id": "bob", "history": []}
    return HistoryRows(items, [question, QuestionRow(**cold)], {"bayes": {"mae": {"q": "2"}}})


def write(directory: Path, rows: HistoryRows) -> Histories:
    """Write rows."""
    return write_histories(directory, rows.item_table(), rows.question_table(), rows.limits)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    rows = make_rows()
    histories = write(tmp_path / "h", rows)
    assert histories.items.to_list() == rows.items
    assert histories.questions.to_list() == rows.questions
    assert histories.limits == rows.limits
    assert histories.items.data.schema.equals(ITEM_SCHEMA)
    assert histories.questions.data.schema.equals(QUESTION_SCHEMA)
    assert [path.relative_to(tmp_path).as_posix() for path in histories.files()] == [
        "h/items/data.arrow",
        "h/limits.json",
        "h/questions/data.arrow",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["h"]


def test_no_limits_are_an_empty_dict(tmp_path: Path) -> None:
    rows = make_rows()
    histories = write_histories(tmp_path, rows.item_table(), rows.question_table())
    assert histories.limits == {}


def test_same_content_same_hash_however_it_came(tmp_path: Path) -> None:
    rows = make_rows()
    rows.limits["oracle"] = {}
    first = write(tmp_path / "first", rows)
    reordered = dict(reversed(rows.limits.items()))
    items, questions = rows.item_table(), rows.question_table()
    chunked = pa.concat_tables([items.slice(0, 1), items.slice(1)])
    again = [
        write_histories(tmp_path / "chunked", chunked, questions, reordered),
        write_histories(tmp_path / "opened", first.items, first.questions, first.limits),
        write_histories(
            tmp_path / "selected",
            first.items.select([3, 2, 1, 0]).select([3, 2, 1, 0]),
            first.questions.filter(lambda row: row["split"] == "test"),
            rows.limits,
        ),
    ]
    assert {histories.content_hash() for histories in again} == {first.content_hash()}


def test_pieces_of_any_size_give_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.histories.tables.ROWS_PER_BATCH", 7)
    rows = make_rows(40)
    items, questions = rows.item_table(), rows.question_table()
    whole = write_histories(tmp_path / "whole", items, questions)
    for size in (1, 6, 7, 8, 20, 40):
        pieces = (
            pa.Table.from_pylist(rows.items[start : start + size], schema=ITEM_SCHEMA)
            for start in range(0, 40, size)
        )
        written = write_histories(tmp_path / str(size), pieces, iter([questions]))
        assert written.content_hash() == whole.content_hash()
    opened = write_histories(tmp_path / "opened", whole.items, whole.questions)
    assert opened.content_hash() == whole.content_hash()


def test_a_bad_row_of_a_later_piece_is_counted_from_the_first(tmp_path: Path) -> None:
    rows = make_rows(5)
    rows.items[3]["text"] = None  # type: ignore[typeddict-item]
    table = rows.item_table()
    with pytest.raises(ValueError, match="items, row 4, field 'text': has no value"):
        write_histories(tmp_path, [table[:2], table[2:]], rows.question_table())


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("items", "text", "x"),
        ("items", "time", None),
        ("items", "output", ""),
        ("questions", "history", [0, 1, 2]),
        ("questions", "output", "3"),
    ],
)
def test_one_changed_value_another_hash(
    tmp_path: Path, table: str, column: str, value: Any
) -> None:
    rows = make_rows()
    before = write(tmp_path / "before", rows).content_hash()
    # Row 0 of the questions, row 2 of the items.
    getattr(rows, table)[0 if table == "questions" else 2][column] = value
    assert write(tmp_path / "after", rows).content_hash() != before


def test_derived_datasets_leave_the_folder_alone(tmp_path: Path) -> None:
    histories = write(tmp_path / "h", make_rows())
    before = histories.content_hash()
    assert len(histories.items.filter(lambda row: row["output"] == "1")) == 2
    assert len(histories.items.map(lambda row: {"length": len(row["text"])})) == 4
    histories.items.sort("text")
    assert histories.content_hash() == before


def test_tables_are_mapped_not_loaded(tmp_path: Path) -> None:
    histories = write(tmp_path / "h", make_rows(30_000))
    before = pa.total_allocated_bytes()
    items = histories.items
    assert items[29_999]["item_id"] == "29999"
    assert pa.total_allocated_bytes() - before < 100_000 < items.data.nbytes


@pytest.mark.parametrize(
    ("table", "change", "said"),
    [
        ("questions", {"history": [0, 4]}, "rows from 0 to 4, but there are 4 items"),
        ("questions", {"history": [-1]}, "rows from -1"),
        ("questions", {"output": None}, "questions, row 1, field 'output': has no value"),
        ("items", {"user_id": None}, "items, row 1, field 'user_id': has no value"),
    ],
)
def test_bad_rows_are_refused_and_nothing_is_written(
    tmp_path: Path, table: str, change: dict[str, Any], said: str
) -> None:
    rows = make_rows()
    getattr(rows, table)[0].update(change)
    with pytest.raises(ValueError, match=said):
        write(tmp_path / "h", rows)
    assert list(tmp_path.iterdir()) == []


def test_other_columns_and_a_full_directory_are_refused(tmp_path: Path) -> None:
    rows = make_rows()
    with pytest.raises(ValueError, match="items: columns are"):
        write_histories(tmp_path / "h", rows.item_table().drop(["text"]), rows.question_table())
    write(tmp_path / "h", rows)
    with pytest.raises(ValueError, match="is not empty"):
        write(tmp_path / "h", rows)


def test_a_failure_while_writing_leaves_nothing(tmp_path: Path) -> None:
    rows = make_rows()
    with pytest.raises(TypeError):
        write_histories(
            tmp_path / "h", rows.item_table(), rows.question_table(), {"bayes": object()}
        )
    assert list(tmp_path.iterdir()) == []
